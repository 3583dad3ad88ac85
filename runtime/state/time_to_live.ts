import { SluiceError } from "../../actors/error.ts";
import type { KeyIdentity } from "../graph/key.ts";
import type { Entry, EntryTable, ExpiringEntry } from "./entry_table.ts";

/**
 * How long what a state holds for a key is kept. What has expired is never seen again: for its key the state is as if nothing
 * had ever been put in. A list, or a map, lives and expires as a whole.
 *
 * Time is the wall clock of the process. So a job whose state expires may give other results when records are replayed later: it
 * is not a function of its input alone. Where results must not depend on when they are computed, use an event-time timer that
 * clears the state.
 */
export interface TimeToLive {
  /** Milliseconds, at least 1. */
  readonly ttlMs: number;
  /** What starts the time again: a change, or every use. @default "write" */
  readonly refreshOn?: "write" | "use";
}

/** @throws {SluiceError} `OPTION_OUT_OF_RANGE` */
export function checkTimeToLive(ttl: TimeToLive | undefined): TimeToLive | undefined {
  if (ttl === undefined || (Number.isSafeInteger(ttl.ttlMs) && ttl.ttlMs >= 1)) return ttl;
  throw new SluiceError(
    "OPTION_OUT_OF_RANGE",
    `the ttlMs of a state must be a whole number of milliseconds, at least 1, not ${String(ttl.ttlMs)}`,
  );
}

/** How many entries are looked at for each change: more go than can come. */
const looks = 2;

/** The times of one state's entries, which are all {@link ExpiringEntry}s. */
export class Expiry {
  readonly refreshOnUse: boolean;
  readonly now: () => number;
  readonly #ttlMs: number;
  readonly #table: EntryTable;
  #walk: Iterator<readonly [number, KeyIdentity, Entry]> | undefined;

  constructor(ttl: TimeToLive, now: () => number, table: EntryTable) {
    this.refreshOnUse = ttl.refreshOn === "use";
    this.now = now;
    this.#ttlMs = ttl.ttlMs;
    this.#table = table;
  }

  /** Whether the entry still counts. */
  isLive(entry: Entry): boolean {
    return (entry as ExpiringEntry).expires > this.now();
  }

  /** The entry's time starts (again). Removes some of those whose time is over. */
  refresh(entry: Entry): void {
    const now = this.now();
    (entry as ExpiringEntry).expires = now + this.#ttlMs;
    for (let look = 0; look < looks; look++) {
      const next = (this.#walk ??= this.#table.walk()).next();
      if (next.done === true) {
        this.#walk = undefined;
        return;
      }
      const [group, identity, seen] = next.value;
      if ((seen as ExpiringEntry).expires <= now) this.#table.remove(group, identity, seen);
    }
  }

  /** When an entry expires that comes out of a snapshot written without times. */
  fresh(): number {
    return this.now() + this.#ttlMs;
  }
}
