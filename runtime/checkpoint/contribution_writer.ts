import { joinChecksums } from "../../actors/checksum.ts";
import type { AcknowledgedPart, Acknowledgement, Contribution } from "./contribution.ts";
import type { Extent } from "./manifest.ts";
import type { DataWriter } from "./storage.ts";

/** Slices of one part that follow each other make one extent of at most so many bytes: what a reader takes in at a time. */
const extentBytes = 1024 * 1024;

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
  let inFlightBytes = 0;
  let inFlightRecords = 0;
  const parts: AcknowledgedPart[] = [];
  for (const { uid, part } of contribution.parts) {
    const at: Extent[] = [];
    for (const slice of part.slices()) {
      extend(at, append(writer, slice));
      stateBytes += slice.byteLength;
      yield slice.byteLength;
    }
    parts.push({ uid, subtask: contribution.subtask, scope: part.scope, name: part.name, at, base: part.base });
  }
  const channel = <R extends { bytes: Uint8Array | undefined; records: number }>(report: R) => {
    inFlightRecords += report.records;
    inFlightBytes += report.bytes?.byteLength ?? 0;
    return { ...report, bytes: report.bytes === undefined ? [] : [append(writer, report.bytes)] };
  };
  const inputs = contribution.inputs.map(channel);
  const outputs = contribution.outputs.map(channel);
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
