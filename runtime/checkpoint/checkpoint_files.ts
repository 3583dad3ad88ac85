import type { Clock } from "../../actors/clock.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Acknowledgement, Contribution } from "./contribution.ts";
import { writeContribution } from "./contribution_writer.ts";
import type { DataFile } from "./manifest.ts";
import type { CheckpointStore, DataWriter } from "./storage.ts";

/** What came of writing one process's share of a checkpoint. */
export type WriteOutcome =
  | { readonly kind: "durable"; readonly file: DataFile; readonly acknowledgements: readonly Acknowledgement[] }
  | { readonly kind: "failed"; readonly cause: unknown };

/** Until a checkpoint has been written for so long, only {@link stepBytes} ends a step: under load a break costs more. */
const atOnceMs = 2;

/**
 * Beyond that, the writer works for about so long, or so many bytes, before records are processed again. Shorter steps would let
 * a large state take longer, and all that changes meanwhile has to be copied; and after each step the caches are full of it.
 */
const stepMs = 2;
const stepBytes = 512 * 1024;

/** Bytes that the disk may be behind before the writer waits for it. */
const maxBacklogBytes = 4 * 1024 * 1024;

interface OpenFile {
  readonly id: CheckpointId;
  readonly writer: DataWriter;
  readonly acknowledgements: ((asyncMs: number) => Acknowledgement)[];
  /** How long it may still be written without a break. */
  atOnceMs: number;
}

/** A contribution that is being written. */
interface Writing {
  readonly file: OpenFile;
  readonly contribution: Contribution;
  readonly steps: Generator<number, (durableAt: number) => Acknowledgement>;
}

/**
 * Writes what the subtasks of one process contribute: one data file per checkpoint with a section for each part, and one sync
 * when the last of them has come. Only then does any of them acknowledge.
 *
 * Contributions are written one after the other, in steps of bounded work between the slices of the actor scheduler: the first
 * two milliseconds of it, or 512 KB, at once, so that a small state waits for nothing. What is written was fixed when the
 * snapshot was taken.
 */
export class CheckpointFiles {
  readonly #store: Pick<CheckpointStore, "createData">;
  readonly #attempt: number;
  readonly #expected: number;
  readonly #clock: Clock;
  readonly #expedite: (work: Promise<unknown>) => void;
  readonly #written: ((id: CheckpointId, file: DataFile, acknowledgements: readonly Acknowledgement[]) => void) | undefined;
  readonly #done: (id: CheckpointId, outcome: WriteOutcome) => void;
  readonly #open = new Map<CheckpointId, OpenFile>();
  #queue: Writing[] = [];
  /** Whether a step is to come. */
  #stepping = false;
  /** Ids that are over, above the last completed one: what a subtask contributes to them later is nothing any more. */
  readonly #aborted = new Set<CheckpointId>();
  #completed: CheckpointId = 0;
  #closed = false;

  constructor(
    store: Pick<CheckpointStore, "createData">,
    options: {
      readonly attempt: number;
      /** How many subtasks of this process contribute to each checkpoint. */
      readonly subtasks: number;
      readonly clock: Clock;
      /** Lets work go ahead of records. @default it does not */
      readonly expedite?: (work: Promise<unknown>) => void;
      /** Everything has come and is being made durable: what will be said when it is, unless that fails. */
      readonly written?: (id: CheckpointId, file: DataFile, acknowledgements: readonly Acknowledgement[]) => void;
      readonly done: (id: CheckpointId, outcome: WriteOutcome) => void;
    },
  ) {
    this.#store = store;
    this.#attempt = options.attempt;
    this.#expected = options.subtasks;
    this.#clock = options.clock;
    this.#expedite = options.expedite ?? (() => {});
    this.#written = options.written;
    this.#done = options.done;
  }

  /** Contributions will come: the file is made while barriers are under way. */
  expect(id: CheckpointId): void {
    if (!this.#closed && !this.#isOver(id)) this.#fileOf(id).writer.open?.();
  }

  /** Takes over one subtask's contribution. What cannot be encoded shows in the outcome. */
  add(contribution: Contribution): void {
    const id = contribution.checkpoint;
    if (this.#closed || this.#isOver(id)) return release(contribution);
    const file = this.#fileOf(id);
    this.#queue.push({ file, contribution, steps: writeContribution(contribution, file.writer, this.#attempt) });
    if (!this.#stepping) this.#step();
  }

  /** Drops what was written of an aborted checkpoint. */
  abort(id: CheckpointId): void {
    if (id > this.#completed) this.#aborted.add(id);
    const file = this.#open.get(id);
    if (file !== undefined) void this.#drop(file);
  }

  /** Nothing more is written of checkpoints up to `id`. */
  completed(id: CheckpointId): void {
    this.#completed = Math.max(this.#completed, id);
    for (const aborted of this.#aborted) if (aborted <= id) this.#aborted.delete(aborted);
  }

  /** Drops everything that is open. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.values()].map((file) => this.#drop(file)));
  }

  #fileOf(id: CheckpointId): OpenFile {
    let file = this.#open.get(id);
    if (file === undefined) {
      file = { id, writer: this.#store.createData(id, this.#attempt), acknowledgements: [], atOnceMs };
      this.#open.set(id, file);
    }
    return file;
  }

  #step(): void {
    this.#stepping = false;
    let begun = this.#clock.monotonic();
    const until = begun + stepMs;
    let bytes = 0;
    for (let writing = this.#queue[0]; writing !== undefined; writing = this.#queue[0]) {
      const taken = this.#advance(writing);
      const now = this.#clock.monotonic();
      writing.file.atOnceMs -= now - begun;
      begun = now;
      bytes += taken;
      if (taken > 0 && (bytes >= stepBytes || (writing.file.atOnceMs <= 0 && now >= until))) break;
    }
    const next = this.#queue[0];
    if (next === undefined) return;
    this.#stepping = true;
    const again = () => this.#clock.yield(() => this.#step());
    if (next.file.writer.backlogBytes <= maxBacklogBytes) again();
    else next.file.writer.drained().then(again, again);
  }

  /** Writes one slice; gives its bytes, 0 at the end. */
  #advance(writing: Writing): number {
    const { file, steps } = writing;
    try {
      const step = steps.next();
      if (step.done !== true) return Math.max(1, step.value);
      this.#queue.shift();
      release(writing.contribution);
      file.acknowledgements.push(step.value);
      if (file.acknowledgements.length === this.#expected) {
        this.#open.delete(file.id);
        this.#seal(file);
      }
    } catch (cause) {
      void this.#drop(file);
      this.#done(file.id, { kind: "failed", cause });
    }
    return 0;
  }

  #drop(file: OpenFile): Promise<void> {
    this.#open.delete(file.id);
    for (const { file: of, contribution } of this.#queue) if (of === file) release(contribution);
    this.#queue = this.#queue.filter((writing) => writing.file !== file);
    return file.writer.discard();
  }

  #isOver(id: CheckpointId): boolean {
    return id <= this.#completed || this.#aborted.has(id);
  }

  #seal({ id, writer, acknowledgements }: OpenFile): void {
    const sealed = writer.seal();
    this.#expedite(sealed);
    const { file } = writer;
    if (file !== undefined && this.#written !== undefined) {
      // Not before the disk has got what it is to do meanwhile.
      this.#clock.yield(() => {
        if (this.#closed || this.#isOver(id)) return;
        const now = this.#clock.monotonic();
        this.#written?.(id, file, acknowledgements.map((of) => of(now)));
      });
    }
    sealed.then(
      (file) => {
        if (this.#isOver(id)) return void writer.discard(); // it was given up meanwhile, and nobody else knows of the file
        const now = this.#clock.monotonic();
        this.#done(id, { kind: "durable", file, acknowledgements: acknowledgements.map((of) => of(now)) });
      },
      (cause: unknown) => this.#done(id, { kind: "failed", cause }),
    );
  }
}

function release(contribution: Contribution): void {
  for (const { part } of contribution.parts) part.release?.();
  for (const { bytes } of contribution.inputs) if ("release" in bytes) bytes.release?.();
}
