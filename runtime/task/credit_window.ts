/** How much a receiver takes of a channel beyond what it has processed. */
export interface CreditWindowLimits {
  /** The most, in bytes. */
  readonly maxBytes: number;
  /** How long the receiver should have to work on what is under way, in milliseconds. */
  readonly targetMs: number;
}

/** Where a window begins, until the drain rate is known. */
const firstBytes = 1_024;

/** For how many times the target the drain rate is remembered. */
const memory = 10;

/** What may be sent before the first grant. */
export function firstWindow(limits: CreditWindowLimits): number {
  return Math.min(firstBytes, limits.maxBytes);
}

/**
 * The window of one channel. It follows the drain rate: what is in flight is what an aligned barrier waits for and an
 * unaligned one must write, so it is kept to about `targetMs` of the receiver's work.
 *
 * The rate is bytes over time, both forgotten exponentially: a task in the middle of a graph drains in bursts, as it gets
 * credit itself, and a mean of the rates of single frames would be that of the bursts. It is measured only while frames wait,
 * once per frame; a channel that merely has little to do is not a slow one.
 *
 * It begins as if the first window had always been drained in `targetMs`. So a window grows by a tenth of what is consumed
 * until a memory's time of waiting has shown the real rate, and a fast channel before a slow one is not flooded meanwhile.
 */
export class CreditWindow {
  readonly #limits: CreditWindowLimits;
  readonly #memoryMs: number;
  #since = 0;
  #drained: number;
  #waitedMs: number;

  constructor(limits: CreditWindowLimits) {
    this.#limits = limits;
    this.#memoryMs = limits.targetMs * memory;
    this.#waitedMs = this.#memoryMs;
    this.#drained = firstWindow(limits) * memory;
  }

  /** A frame has come to an empty channel. */
  begin(nowMs: number): void {
    this.#since = nowMs;
  }

  /** A frame of that cost is processed; gives the window from now on: at least a byte, which lets one frame go. */
  consumed(cost: number, nowMs: number): number {
    const tookMs = nowMs - this.#since;
    this.#since = nowMs;
    const kept = Math.exp(-tookMs / this.#memoryMs);
    this.#drained = this.#drained * kept + cost;
    this.#waitedMs = this.#waitedMs * kept + tookMs;
    const { maxBytes, targetMs } = this.#limits;
    return Math.min(maxBytes, Math.max(1, this.#drained / this.#waitedMs * targetMs));
  }
}
