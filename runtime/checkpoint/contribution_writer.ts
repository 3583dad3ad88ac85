import { joinChecksums } from "../../actors/checksum.ts";
import { type AcknowledgedPart, type Acknowledgement, type CapturedBytes, type Contribution, noBytes } from "./contribution.ts";
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
  const inputs = areEmpty(contribution.inputs) ? contribution.inputs : yield* written(contribution.inputs, writer);
  const outputs = areEmpty(contribution.outputs) ? contribution.outputs : yield* written(contribution.outputs, writer);
  let inFlightRecords = 0;
  let inFlightBytes = 0;
  for (const reports of [inputs, outputs]) {
    for (const { records, bytes } of reports) {
      if (bytes.length === 0) continue;
      inFlightRecords += records;
      for (const extent of bytes) inFlightBytes += extent.bytes;
    }
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
      startDelayMs: timing.startDelayMs,
      alignmentMs: timing.alignmentMs,
      delayedRecords: timing.delayedRecords,
      syncMs: timing.syncMs,
      asyncMs: durableAt - startedAt - timing.syncMs,
      endToEndMs: durableAt - triggeredAt,
      stateBytes,
      writtenBytes: stateBytes,
      inFlightBytes,
      inFlightRecords,
    },
  });
}

/** Whether nothing was captured: then they are what is acknowledged, as they are. */
function areEmpty<R extends { readonly bytes: unknown }>(
  reports: readonly R[],
): reports is readonly (R & { readonly bytes: typeof noBytes })[] {
  for (const { bytes } of reports) if (bytes !== noBytes) return false;
  return true;
}

/** Writes what was captured; reports of channels on which nothing was stay as they are. */
function* written<R extends { readonly bytes: CapturedBytes | typeof noBytes }>(
  reports: readonly R[],
  writer: DataWriter,
): Generator<number, readonly (Omit<R, "bytes"> & { readonly bytes: readonly Extent[] })[]> {
  const all: (Omit<R, "bytes"> & { readonly bytes: readonly Extent[] })[] = [];
  for (const report of reports) {
    const { bytes } = report;
    if (!("slices" in bytes)) {
      all.push({ ...report, bytes });
      continue;
    }
    const at: Extent[] = [];
    for (const slice of bytes.slices()) {
      at.push(append(writer, slice));
      yield slice.byteLength;
    }
    all.push({ ...report, bytes: at });
  }
  return all;
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
