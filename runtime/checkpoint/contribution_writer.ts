import { joinChecksums } from "../../actors/checksum.ts";
import type {
  AcknowledgedPart,
  Acknowledgement,
  CapturedBytes,
  Contribution,
  InputReport,
  OutputReport,
} from "./contribution.ts";
import type { Extent } from "./manifest.ts";
import type { DataWriter } from "./storage.ts";

/** Slices of one part that follow each other make one extent of at most so many bytes: what a reader takes in at a time. */
const extentBytes = 1024 * 1024;
const nothing: readonly Extent[] = [];

/**
 * Appends a contribution, one slice a step; each step gives the bytes it wrote. What it returns makes the acknowledgement, given
 * the time when everything was durable. Throws what encoding the state throws.
 */
export function* writeContribution(
  contribution: Contribution,
  writer: DataWriter,
  attempt: number,
): Generator<number, (durableAt: number) => Acknowledgement> {
  let stateBytes = 0;
  const parts: AcknowledgedPart[] = [];
  for (const { uid, part } of contribution.parts) {
    const at: Extent[] = [];
    for (const slice of part.slices()) {
      if (slice.byteLength > 0) extend(at, append(writer, slice));
      stateBytes += slice.byteLength;
      yield slice.byteLength;
    }
    parts.push({ uid, subtask: contribution.subtask, scope: part.scope, name: part.name, at, base: part.base });
  }
  // Field by field: once for every channel of the job, where spreading would be most of the cost.
  const inputs: InputReport<readonly Extent[]>[] = [];
  for (const report of contribution.inputs) {
    const { edge, sender, receiver, recovered, sent, processed, watermark, idle, ended, records, watermarks } = report;
    const range = report.captured;
    const bytes = report.bytes === undefined ? nothing : yield* captured(report.bytes, writer);
    inputs.push({
      edge,
      sender,
      receiver,
      recovered,
      sent,
      processed,
      watermark,
      idle,
      ended,
      captured: range,
      records,
      watermarks,
      bytes,
    });
  }
  const outputs: OutputReport<readonly Extent[]>[] = [];
  for (const { edge, sender, receiver, wire, sent, captured: range, records, watermarks, bytes } of contribution.outputs) {
    const at = bytes === undefined ? nothing : yield* captured(bytes, writer);
    outputs.push({ edge, sender, receiver, wire, sent, captured: range, records, watermarks, bytes: at });
  }
  let inFlightRecords = 0;
  let inFlightBytes = 0;
  for (const { records, bytes } of [...inputs, ...outputs]) {
    if (bytes === nothing) continue;
    inFlightRecords += records;
    for (const extent of bytes) inFlightBytes += extent.bytes;
  }
  const { checkpoint, task, subtask, finished, quiet, flushed, timing, triggeredAt, startedAt } = contribution;
  return (durableAt) => ({
    checkpoint,
    attempt,
    task,
    subtask,
    finished,
    quiet,
    flushed,
    parts,
    inputs,
    outputs,
    figures: {
      ...timing,
      asyncMs: durableAt - startedAt - timing.syncMs,
      endToEndMs: durableAt - triggeredAt,
      stateBytes,
      writtenBytes: stateBytes,
      inFlightBytes,
      inFlightRecords,
    },
  });
}

function* captured(bytes: CapturedBytes, writer: DataWriter): Generator<number, readonly Extent[]> {
  const at: Extent[] = [];
  for (const slice of bytes.slices()) {
    at.push(append(writer, slice));
    yield slice.byteLength;
  }
  return at;
}

/** A process writes one file of a checkpoint: its index among all files is settled when the manifest is made. */
function append(writer: DataWriter, bytes: Uint8Array): Extent {
  return { file: 0, ...writer.append(bytes) };
}

function extend(extents: Extent[], next: Extent): void {
  const last = extents.at(-1);
  if (last === undefined || last.offset + last.bytes !== next.offset || last.bytes + next.bytes > extentBytes) {
    extents.push(next);
    return;
  }
  const checksum = joinChecksums(last.checksum, next.checksum, next.bytes);
  extents[extents.length - 1] = { file: last.file, offset: last.offset, bytes: last.bytes + next.bytes, checksum };
}
