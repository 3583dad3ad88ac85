import type { Cursor, Operator } from "../graph/operator.ts";
import { ChainLink, type LinkPlace, type Next } from "./chain.ts";
import { keyHash, recordHash } from "./failed_record.ts";

/** A record that was kept from an operator. */
export interface SkippedRecord {
  readonly uid: string;
  readonly subtask: number;
  readonly hash: string;
  readonly keyHash: string | undefined;
  readonly record: unknown;
  /** Its event time; undefined without one. */
  readonly timestamp: number | undefined;
}

/** Which records are skipped, by hash, and who is told of each. */
export interface Guard {
  readonly skip: ReadonlySet<string>;
  readonly skipped: (record: SkippedRecord) => void;
}

/**
 * The place of an operator that could not process some record in an earlier attempt. Records that are to be skipped do not
 * come to it: nothing of them has an effect. Every record is encoded to find them, so only such operators stand in one.
 */
export class GuardedLink extends ChainLink {
  readonly #skip: ReadonlySet<string>;
  readonly #skipped: (record: SkippedRecord) => void;

  constructor(
    place: LinkPlace,
    operator: Operator,
    out: Next,
    guard: Guard,
  ) {
    super(place, operator, out);
    this.#skip = guard.skip;
    this.#skipped = guard.skipped;
  }

  override collect(value: unknown): void {
    const { timestamp } = this.cursor; // what follows may set its own before the operator fails
    if (this.#skip.size > 0) {
      const hash = recordHash(value, timestamp);
      if (hash !== undefined && this.#skip.has(hash)) return this.#leaveOut(value, timestamp, hash);
    }
    try {
      this.operator.process(value);
    } catch (error) {
      this.operator.failed?.();
      throw this.attribute(error, "process a record", { value, timestamp });
    }
  }

  #leaveOut(record: unknown, timestamp: number, hash: string): void {
    const { uid, subtask, operator } = this;
    this.#skipped({
      uid,
      subtask,
      hash,
      keyHash: keyHash(operator.keyOf, record),
      record,
      timestamp: Number.isNaN(timestamp) ? undefined : timestamp,
    });
  }
}

/** What follows a source some record of which could not be taken, such as by a key function: records to skip do not get there. */
export class GuardedEntry implements Next {
  readonly #next: Next;
  readonly #place: { readonly uid: string; readonly subtask: number; readonly cursor: Cursor };
  readonly #guard: Guard;

  constructor(next: Next, place: { readonly uid: string; readonly subtask: number; readonly cursor: Cursor }, guard: Guard) {
    this.#next = next;
    this.#place = place;
    this.#guard = guard;
  }

  collect(value: unknown): void {
    const { uid, subtask, cursor } = this.#place;
    const hash = this.#guard.skip.size === 0 ? undefined : recordHash(value, cursor.timestamp);
    if (hash === undefined || !this.#guard.skip.has(hash)) return this.#next.collect(value);
    const timestamp = Number.isNaN(cursor.timestamp) ? undefined : cursor.timestamp;
    this.#guard.skipped({ uid, subtask, hash, keyHash: undefined, record: value, timestamp });
  }

  watermark(timestamp: number): void {
    this.#next.watermark(timestamp);
  }

  idle(): void {
    this.#next.idle();
  }
}
