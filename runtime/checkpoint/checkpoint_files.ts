import type { SnapshotPart } from "../graph/operator.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Acknowledgement, Contribution } from "./contribution.ts";
import type { DataFile, Extent, ManifestPart } from "./manifest.ts";
import type { CheckpointStore, DataWriter } from "./storage.ts";

/** What came of writing one process's share of a checkpoint. */
export type WriteOutcome =
  | { readonly kind: "durable"; readonly file: DataFile; readonly acknowledgements: readonly Acknowledgement[] }
  | { readonly kind: "failed"; readonly cause: unknown };

interface OpenFile {
  readonly writer: DataWriter;
  readonly acknowledgements: ((asyncMs: number) => Acknowledgement)[];
}

/**
 * Writes what the subtasks of one process contribute: one data file per checkpoint with a section for each part, and one sync
 * when the last of them has come. Only then does any of them acknowledge.
 */
export class CheckpointFiles {
  readonly #store: CheckpointStore;
  readonly #attempt: number;
  readonly #expected: number;
  readonly #monotonic: () => number;
  readonly #done: (id: CheckpointId, outcome: WriteOutcome) => void;
  readonly #open = new Map<CheckpointId, OpenFile>();
  #closed = false;

  constructor(
    store: CheckpointStore,
    options: {
      readonly attempt: number;
      /** How many subtasks of this process contribute to each checkpoint. */
      readonly subtasks: number;
      readonly monotonic: () => number;
      readonly done: (id: CheckpointId, outcome: WriteOutcome) => void;
    },
  ) {
    this.#store = store;
    this.#attempt = options.attempt;
    this.#expected = options.subtasks;
    this.#monotonic = options.monotonic;
    this.#done = options.done;
  }

  /** Writes one subtask's contribution. Throws what encoding its state throws; the checkpoint must then be aborted. */
  add(contribution: Contribution): void {
    if (this.#closed) return;
    const id = contribution.checkpoint;
    let file = this.#open.get(id);
    if (file === undefined) {
      file = { writer: this.#store.createData(id, this.#attempt), acknowledgements: [] };
      this.#open.set(id, file);
    }
    file.acknowledgements.push(write(contribution, file.writer, this.#attempt));
    if (file.acknowledgements.length === this.#expected) {
      this.#open.delete(id);
      this.#seal(id, file);
    }
  }

  /** Drops what was written of an aborted checkpoint. */
  abort(id: CheckpointId): void {
    const file = this.#open.get(id);
    this.#open.delete(id);
    if (file !== undefined) void file.writer.discard();
  }

  /** Drops everything that is open. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((file) => file.writer.discard()));
  }

  #seal(id: CheckpointId, { writer, acknowledgements }: OpenFile): void {
    writer.seal().then(
      (file) => {
        const now = this.#monotonic();
        this.#done(id, { kind: "durable", file, acknowledgements: acknowledgements.map((of) => of(now)) });
      },
      (cause: unknown) => this.#done(id, { kind: "failed", cause }),
    );
  }
}

/** Appends a contribution; what it returns makes the acknowledgement, given the time when everything was durable. */
function write(
  contribution: Contribution,
  writer: DataWriter,
  attempt: number,
): (durableAt: number) => Acknowledgement {
  let stateBytes = 0;
  let inFlightBytes = 0;
  let inFlightRecords = 0;
  const parts: ManifestPart[] = [];
  for (const { uid, part } of contribution.parts) {
    const at = appendPart(writer, part);
    for (const extent of at) stateBytes += extent.bytes;
    parts.push({ uid, subtask: contribution.subtask, scope: part.scope, name: part.name, at });
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
      inFlightBytes,
      inFlightRecords,
    },
  });
}

function appendPart(writer: DataWriter, part: SnapshotPart): Extent[] {
  const extents: Extent[] = [];
  for (const slice of part.slices()) extents.push(append(writer, slice));
  return extents;
}

/** A process writes one file of a checkpoint: its index among all files is settled when the manifest is made. */
function append(writer: DataWriter, bytes: Uint8Array): Extent {
  return { file: 0, ...writer.append(bytes) };
}
