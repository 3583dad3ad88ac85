import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { Cursor, RestoredPart, SnapshotPart } from "../graph/operator.ts";
import type { PollResult, Source, SourceContext, SourceOutput, Split, SplitReader } from "../graph/source.ts";
import { apart } from "../state/apart.ts";
import type { SubtaskCounters } from "./assignment.ts";
import type { Brake } from "./brake.ts";
import { dueTo, type Next } from "./chain.ts";
import { failedRecord } from "./failed_record.ts";

/** What a snapshot keeps of a split. */
interface SplitState {
  readonly position: unknown;
  readonly ended: boolean;
}

interface OpenSplit {
  readonly id: string;
  readonly reader: SplitReader<unknown>;
  waiting: boolean;
}

/** Where a source stands in its task. */
export interface SourcePlace {
  readonly cursor: Cursor;
  readonly brake: Brake;
  readonly entry: Next;
  readonly counters: SubtaskCounters;
}

/**
 * The head of a source task: reads its splits in turn and puts their records into the chain.
 *
 * A split's position is that of the last record emitted, so it belongs to the cut of the snapshot it is read in.
 */
export class SourceHead implements SourceOutput<unknown> {
  readonly #uid: string;
  private readonly cursor: Cursor;
  private readonly brake: Brake;
  private readonly entry: Next;
  #open: OpenSplit[];
  readonly #ended: Map<string, unknown>;
  readonly #counters: SubtaskCounters;
  #next = 0;
  private emitted = 0;
  /** What a reader is asked for; the same object each time. */
  private readonly request: ReaderRequest = { output: this, reader: undefined, maxRecords: 0 };
  /** The splits that are not read to their end; another array whenever they change. */
  openSplits: readonly string[];
  /** Emits nothing more: the job is being stopped with a snapshot. */
  halted = false;

  private constructor(
    uid: string,
    place: SourcePlace,
    open: OpenSplit[],
    ended: Map<string, unknown>,
  ) {
    this.#uid = uid;
    this.cursor = place.cursor;
    this.brake = place.brake;
    this.entry = place.entry;
    this.#counters = place.counters;
    this.#open = open;
    this.#ended = ended;
    this.openSplits = open.map((split) => split.id);
  }

  /** Opens the subtask's share of the splits, each where the snapshot left it. */
  static async open(
    source: Source<unknown>,
    context: SourceContext,
    place: SourcePlace,
    splits: readonly Split[],
    restored: readonly RestoredPart[],
  ): Promise<SourceHead> {
    const states = new Map(restored.map((part) => [part.name, readState(context.uid, part)]));
    const known = new Set(splits.map((split) => split.id));
    for (const [id, state] of states) {
      if (!known.has(id) && !state.ended) {
        throw new SluiceError(
          "SOURCE_POSITION_LOST",
          `source ${context.uid} no longer has split "${id}", which the snapshot had not read to its end: ` +
            `bring it back, or start without the snapshot`,
        );
      }
    }
    const open: OpenSplit[] = [];
    const ended = new Map<string, unknown>();
    for (const [index, split] of splits.entries()) {
      if (index % context.parallelism !== context.subtask) continue;
      const state = states.get(split.id);
      if (state?.ended) ended.set(split.id, state.position);
      else {open.push({
          id: split.id,
          reader: readerOf(await source.open(split, state?.position, context), split),
          waiting: false,
        });}
    }
    return new SourceHead(context.uid, place, open, ended);
  }

  /** Whether `poll` could emit something. */
  get ready(): boolean {
    return !this.halted && this.#open.some((split) => !split.waiting);
  }

  /** Whether every split has been read to its end. */
  get ended(): boolean {
    return this.#open.length === 0;
  }

  /** A reader that was waiting may have something. */
  wake(): void {
    for (const split of this.#open) split.waiting = false;
  }

  /** Lets the next split that has something emit up to `maxRecords`; returns the steps taken, 0 when none has. */
  poll(maxRecords: number): number {
    const count = this.#open.length;
    for (let tried = 0; tried < count; tried++) {
      const split = this.#open[(this.#next + tried) % count] as OpenSplit;
      if (split.waiting) continue;
      this.#next = (this.#next + tried + 1) % count;
      this.emitted = 0;
      this.cursor.split = split.id;
      const result = this.#guard(split.id, "read", () => {
        const { request } = this;
        request.reader = split.reader;
        request.maxRecords = maxRecords;
        return apart(pollReader, request);
      });
      this.#counters.recordsIn += this.emitted;
      if (result === "waiting") split.waiting = true;
      else if (result === "ended") this.#end(split);
      return Math.max(1, this.emitted);
    }
    return 0;
  }

  emit(value: unknown): boolean {
    this.emitted++;
    this.cursor.timestamp = NaN;
    this.collect(value, NaN);
    return !this.brake.on;
  }

  emitAt(value: unknown, timestamp: number): boolean {
    this.emitted++;
    this.cursor.timestamp = timestamp;
    this.collect(value, timestamp);
    return !this.brake.on;
  }

  snapshot(): { uid: string; part: SnapshotPart }[] {
    const states: [string, SplitState][] = this.#open.map((
      { id, reader },
    ) => [id, { position: this.#guard(id, "say how far it has read", () => reader.position()), ended: false }]);
    for (const [id, position] of this.#ended) states.push([id, { position, ended: true }]);
    return states.map(([id, state]) => {
      const bytes = encodeValue(state, `the position of split ${id} of ${this.#uid}`);
      return { uid: this.#uid, part: { scope: "split", name: id, slices: () => [bytes] } };
    });
  }

  /** Where each split stands, for messages. */
  describe(): string {
    const open = this.#open.map(({ id, reader }) => `${id} at ${positionText(reader)}`);
    return [...open, ...[...this.#ended.keys()].map((id) => `${id} at its end`)].join(", ");
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    for (const { reader } of open) await reader.close();
  }

  /** What is raised under a code of its own names its place itself. */
  #guard<R>(split: string, act: string, step: () => R): R {
    try {
      return step();
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      const said = messageOf(error);
      const message = `source ${this.#uid} could not ${act}${act === "read" ? "" : " in"} split "${split}": ${said}`;
      throw new SluiceError("SOURCE_FAILED", message, { cause: error });
    }
  }

  /** What fails before any operator, such as the key function of an edge, is due to a record of the source. */
  private collect(value: unknown, timestamp: number): void {
    try {
      this.entry.collect(value);
    } catch (error) {
      throw this.#failed(error, value, timestamp);
    }
  }

  #failed(error: unknown, value: unknown, timestamp: number): unknown {
    return dueTo(error, () => failedRecord({ uid: this.#uid }, { value, timestamp }, error));
  }

  #end(split: OpenSplit): void {
    this.#ended.set(split.id, this.#guard(split.id, "say how far it has read", () => split.reader.position()));
    this.#open = this.#open.filter((other) => other !== split);
    this.openSplits = this.#open.map((other) => other.id);
    this.#next = 0;
    void split.reader.close();
  }
}

interface ReaderRequest {
  readonly output: SourceOutput<unknown>;
  reader: SplitReader<unknown> | undefined;
  maxRecords: number;
}

/** To be called apart, as the loop over records of a frame is: readers have a loop of their own in `poll`. */
function pollReader({ output, reader, maxRecords }: ReaderRequest): PollResult {
  return (reader as SplitReader<unknown>).poll(output, maxRecords);
}

/** @throws when a source gave something else than a reader */
function readerOf(reader: SplitReader<unknown>, split: Split): SplitReader<unknown> {
  const { poll, position, close } = Object(reader) as Partial<SplitReader<unknown>>;
  if (typeof poll === "function" && typeof position === "function" && typeof close === "function") return reader;
  throw new Error(
    `open() gave no reader of split "${split.id}"; give an object with poll(output, maxRecords), position() and close()`,
  );
}

/** Never fails: it is asked for when something else has failed. */
function positionText(reader: SplitReader<unknown>): string {
  try {
    return JSON.stringify(reader.position());
  } catch {
    return "an unknown position";
  }
}

function readState(uid: string, part: RestoredPart): SplitState {
  const decoded = decodeValue(part.bytes);
  const state = decoded.kind === "value" ? (decoded.value as Partial<SplitState> | null) : null;
  if (typeof state !== "object" || state === null || typeof state.ended !== "boolean") {
    throw new SluiceError("CHECKPOINT_DAMAGED", `the position of split "${part.name}" of source ${uid} cannot be read`);
  }
  return { position: state.position, ended: state.ended };
}
