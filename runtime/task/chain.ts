import { findInCauses, messageOf, SluiceError } from "../../actors/error.ts";
import { isBlameless, onAnotherAccount } from "../graph/blameless.ts";
import type { Collector, Cursor, Operator, SnapshotPart, WatermarkCollector } from "../graph/operator.ts";
import { type FailedRecord, failedRecord, type GivenRecord } from "./failed_record.ts";

/** What follows an operator: another one, several, or an edge to other tasks. */
export type Next = Collector<unknown> & WatermarkCollector;

/** Nothing follows. */
export const nowhere: Next = { collect() {}, watermark() {}, idle() {} };

/** Where an operator stands. */
export interface LinkPlace {
  readonly uid: string;
  readonly kind: string;
  readonly subtask: number;
  readonly cursor: Cursor;
}

/**
 * An operator in its place in a fused chain: passes records to it, and watermarks through it.
 *
 * An error of the operator is attributed here, so that the operators themselves need not know where they stand.
 */
export class ChainLink implements Next {
  readonly uid: string;
  readonly kind: string;
  readonly operator: Operator;
  protected readonly subtask: number;
  protected readonly cursor: Cursor;
  readonly #out: Next;
  /** A watermark generator lets none from above through. */
  readonly #ownWatermarks: boolean;

  constructor(place: LinkPlace, operator: Operator, out: Next) {
    this.uid = place.uid;
    this.kind = place.kind;
    this.subtask = place.subtask;
    this.cursor = place.cursor;
    this.operator = operator;
    this.#out = out;
    this.#ownWatermarks = place.kind === "watermarks";
  }

  collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }

  /** The error of processing a record, apart from the code that does it, which is small enough to be inlined. */
  protected failed(error: unknown, value: unknown): SluiceError {
    this.operator.failed?.();
    return this.attribute(error, "process a record", { value, timestamp: this.cursor.timestamp });
  }

  watermark(timestamp: number): void {
    if (this.#ownWatermarks) return;
    this.guard("handle a watermark", () => this.operator.onWatermark?.(timestamp));
    this.#out.watermark(timestamp);
  }

  idle(): void {
    if (!this.#ownWatermarks) this.#out.idle();
  }

  /** Runs a step of the operator, its errors attributed. */
  guard<T>(act: string, step: () => T): T {
    try {
      return step();
    } catch (error) {
      throw this.attribute(error, act);
    }
  }

  /** The error as an error of this operator, unless one below it has claimed it. */
  attribute(error: unknown, act: string, given?: GivenRecord): SluiceError {
    const record = given === undefined
      ? undefined
      : () => failedRecord({ uid: this.uid, keyOf: this.operator.keyOf }, given, error);
    return attributed(error, `${this.kind} ${this.uid} (subtask ${this.subtask}) could not ${act}`, record);
  }
}

/** Errors that say whose they are, with the record that is to blame. */
const claimed = new WeakMap<Error, FailedRecord | undefined>();

/**
 * The error with what failed before it, unless something further down has claimed it: no operator above repeats that.
 * `record` is asked only then.
 */
export function attributed(error: unknown, what: string, record?: () => FailedRecord | undefined): SluiceError {
  if (error instanceof SluiceError && claimed.has(error)) {
    // What failed has no record of its own that could be told from others, such as a key function: that of the operator above.
    if (claimed.get(error) === undefined) claimed.set(error, record?.());
    return error;
  }
  const said = messageOf(error);
  const code = error instanceof SluiceError ? error.code : "OPERATOR_FAILED";
  const wrapped = new SluiceError(code, `${what}: ${said}`, { cause: error });
  if (isBlameless(error)) onAnotherAccount(wrapped);
  claimed.set(wrapped, record?.());
  return wrapped;
}

/** Puts an error that has been claimed down to a record, unless it is known to be due to another one. Gives the error back. */
export function dueTo(error: unknown, record: () => FailedRecord | undefined): unknown {
  if (error instanceof SluiceError && claimed.has(error) && claimed.get(error) === undefined) claimed.set(error, record());
  return error;
}

/** The record that an error, or what it was caused by, is due to. */
export function recordOf(error: unknown): FailedRecord | undefined {
  return findInCauses(error, (at) => claimed.get(at));
}

/** Several things follow one operator. */
export class FanOut implements Next {
  readonly #targets: readonly Next[];
  readonly #cursor: Cursor;

  constructor(targets: readonly Next[], cursor: Cursor) {
    this.#targets = targets;
    this.#cursor = cursor;
  }

  collect(value: unknown): void {
    const { timestamp } = this.#cursor;
    for (const target of this.#targets) {
      this.#cursor.timestamp = timestamp; // an operator in an earlier branch may have set its own
      target.collect(value);
    }
  }

  watermark(timestamp: number): void {
    for (const target of this.#targets) target.watermark(timestamp);
  }

  idle(): void {
    for (const target of this.#targets) target.idle();
  }
}

/** An operator with side outputs: records that it emits go to the main one, marks to all. */
export class MainOutput implements Next {
  readonly #main: Next;
  readonly #sides: readonly Next[];

  constructor(main: Next, sides: readonly Next[]) {
    this.#main = main;
    this.#sides = sides;
  }

  collect(value: unknown): void {
    this.#main.collect(value);
  }

  watermark(timestamp: number): void {
    this.#main.watermark(timestamp);
    for (const side of this.#sides) side.watermark(timestamp);
  }

  idle(): void {
    this.#main.idle();
    for (const side of this.#sides) side.idle();
  }
}

/** The operators of one subtask, the head first. A source's chain is what follows the source. */
export class Chain {
  /** Where records enter. */
  readonly entry: Next;
  readonly links: readonly ChainLink[];
  /** Operators that may hold back results for lack of credit, the last one first: it makes room for those above it. */
  readonly #resumable: readonly ChainLink[];

  constructor(entry: Next, links: readonly ChainLink[]) {
    this.entry = entry;
    this.links = links;
    this.#resumable = links.filter((link) => link.operator.resume !== undefined).reverse();
  }

  /** Whether some operator may hold back results for lack of credit. */
  get mayHoldBack(): boolean {
    return this.#resumable.length > 0;
  }

  /** Whether some operator holds something that comes out by itself. */
  get pending(): boolean {
    return this.links.some((link) => link.operator.pending?.() ?? false);
  }

  /** Fires a timer of the head, its errors attributed. */
  guardHead(step: () => void): void {
    const head = this.links[0];
    if (head === undefined) step();
    else head.guard("fire a timer", step);
  }

  onBatch(): void {
    for (const link of this.links) {
      if (link.operator.onBatch !== undefined) link.guard("end a batch", () => link.operator.onBatch?.());
    }
  }

  /** Goes on with results that waited for credit; true when none is left. `all`: whatever the credit. */
  resume(all: boolean): boolean {
    for (const link of this.#resumable) {
      if (!link.guard("go on", () => link.operator.resume?.(all) ?? true)) return false;
    }
    return true;
  }

  finish(): void {
    for (const link of this.links) link.guard("finish", () => link.operator.finish?.());
  }

  snapshot(id: number): { uid: string; part: SnapshotPart }[] {
    const parts: { uid: string; part: SnapshotPart }[] = [];
    try {
      for (const link of this.links) {
        const of = link.guard("snapshot its state", () => link.operator.snapshot?.(id) ?? []);
        for (const part of of) parts.push({ uid: link.uid, part });
      }
    } catch (error) {
      for (const { part } of parts) part.release?.();
      throw error;
    }
    return parts;
  }

  /** The checkpoint is complete. */
  completed(id: number): void {
    for (const link of this.links) link.operator.completed?.(id);
  }

  /** Ends every operator, whatever the others do; returns what went wrong. */
  close(): unknown[] {
    const errors: unknown[] = [];
    for (const link of this.links) {
      try {
        link.operator.close?.();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
