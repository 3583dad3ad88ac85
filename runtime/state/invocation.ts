import { SluiceError } from "../../actors/error.ts";
import type { Key, KeyIdentity } from "../graph/key.ts";
import { StaleContextError } from "./stale_context.ts";

/** A handle that remembers what it found for the current key. */
export interface Remembering {
  /** Forgets it: the next use looks again. */
  forget(): void;
}

/** Above this, serials start again; far inside the small integers, which every engine compares fastest. */
const highestSerial = 1 << 29;

/**
 * One run of a handler: which key it is about, and whether it is still going on.
 *
 * Contexts and state handles hold their invocation and compare one number per use: `serial` is different in each run and 0
 * between runs. So synchronous handlers can share one invocation, one context and one set of handles, with nothing allocated
 * per record; a handler that went async keeps its own, which no later run ever brings back to life.
 */
export class Invocation {
  readonly uid: string;
  /** 0: over (or not begun). */
  serial = 0;
  /** The current key; undefined where there is none. */
  key: Key | undefined = undefined;
  identity: KeyIdentity = 0;
  /** The key's group; -1 without a key. */
  group = -1;
  /** Event time of what is being processed, and the key group its results carry. */
  timestamp = Number.NaN;
  keyGroup = -1;
  private last = 0;
  private readonly lastSerial: number;
  readonly #handles: Remembering[] = [];

  constructor(uid: string, lastSerial: number = highestSerial) {
    this.uid = uid;
    this.lastSerial = lastSerial;
  }

  /** Makes a handle forget its entry whenever serials start again. */
  register(handle: Remembering): void {
    this.#handles.push(handle);
  }

  /** Says which key the run to be started is about. */
  about(key: Key, identity: KeyIdentity): this {
    this.key = key;
    this.identity = identity;
    return this;
  }

  /** Starts a run about the key that was given last. */
  begin(group: number, timestamp: number): void {
    this.group = group;
    this.keyGroup = group;
    this.timestamp = timestamp;
    this.serial = this.last === this.lastSerial ? this.#startAgain() : ++this.last;
  }

  /** Starts a run without a key. */
  beginUnkeyed(keyGroup: number, timestamp: number): void {
    this.key = undefined;
    this.group = -1;
    this.keyGroup = keyGroup;
    this.timestamp = timestamp;
    this.serial = this.last === this.lastSerial ? this.#startAgain() : ++this.last;
  }

  /** Ends the run: whatever is used from now on is stale. */
  end(): void {
    this.serial = 0;
  }

  /** @throws {StaleContextError} when the run is over */
  assertLive(): void {
    if (this.serial === 0) throw new StaleContextError(this.uid);
  }

  /**
   * The slow path of a handle: called once per handle and run.
   * @throws {StaleContextError} when the run is over
   * @throws {SluiceError} `STATE_NO_KEY` when it has no key
   */
  assertKeyed(what: string): void {
    this.assertLive();
    if (this.group < 0) {
      throw new SluiceError(
        "STATE_NO_KEY",
        `${what} of ${this.uid} was used where there is no current key; use it in onRecord or onTimer (a timer at ` +
          `MAX_WATERMARK runs for each key at the end of input)`,
      );
    }
  }

  /** Serials start again; apart from the test before it, which is small enough to be inlined. */
  #startAgain(): number {
    for (const handle of this.#handles) handle.forget();
    return this.last = 1;
  }
}
