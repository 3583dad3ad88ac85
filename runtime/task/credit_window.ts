/** How much a receiver takes of a channel beyond what it has processed. */
export interface CreditWindowLimits {
  /** The most, in bytes. */
  readonly maxBytes: number;
  /** How long the receiver should have to work on what is under way, in milliseconds. */
  readonly targetMs: number;
}

/** The least a window is: a channel never starves, and small records still go a few at a time. */
const leastBytes = 256;

/** Where a window begins, until the drain rate is known. */
const firstBytes = 4_096;

/** The weight of the newest measurement. */
const weight = 0.3;

/** What may be sent before the first grant. */
export function firstWindow(limits: CreditWindowLimits): number {
  return Math.min(firstBytes, limits.maxBytes);
}

/**
 * The window of one channel. It follows the drain rate: what is in flight is what an aligned barrier waits for and an
 * unaligned one must write, so it is kept to about `targetMs` of the receiver's work. The rate is measured only while frames
 * wait, once per frame; a channel that merely has little to do is not a slow one.
 */
export class CreditWindow {
  readonly #limits: CreditWindowLimits;
  #bytesPerMs = 0;
  #since = 0;
  #bytes: number;

  constructor(limits: CreditWindowLimits) {
    this.#limits = limits;
    this.#bytes = firstWindow(limits);
  }

  /** A frame has come to an empty channel. */
  begin(nowMs: number): void {
    this.#since = nowMs;
  }

  /** A frame of that cost is processed; gives the window from now on. */
  consumed(cost: number, nowMs: number): number {
    const { maxBytes, targetMs } = this.#limits;
    const tookMs = nowMs - this.#since;
    this.#since = nowMs;
    if (cost > 0) {
      const rate = tookMs > 0 ? cost / tookMs : maxBytes;
      this.#bytesPerMs = this.#bytesPerMs === 0 ? rate : this.#bytesPerMs * (1 - weight) + rate * weight;
    }
    if (this.#bytesPerMs === 0) return this.#bytes;
    const fitting = Math.min(maxBytes, Math.max(leastBytes, this.#bytesPerMs * targetMs));
    // It grows by what is consumed, so that a fast channel before a slow one is not flooded before the slowness shows.
    this.#bytes = Math.min(fitting, this.#bytes + cost);
    return this.#bytes;
  }
}
