import type { Operator } from "../graph/operator.ts";
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
    guard: { readonly skip: ReadonlySet<string>; readonly skipped: (record: SkippedRecord) => void },
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
