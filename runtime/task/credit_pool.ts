/**
 * What may be under way to one connection, shared by its channels (protocol 1.6).
 *
 * Each channel owns a small minimum that no other can take. The rest is a pool: a channel that consumes may hold a share of
 * what is free, so that some is always left for the next one to wake up, and channels that have gone idle with their share in
 * hand do not starve the others. (After A. K. Choudhury and E. L. Hahne, "Dynamic Queue Length Thresholds for Shared-Memory
 * Packet Switches", 1998.)
 */
export class CreditPool {
  readonly totalBytes: number;
  /** The limits of all channels together. Each may be passed by one frame, and a frame is at most half a window. */
  readonly #grantable: number;
  #channels = 0;
  #heldBytes = 0;

  constructor(totalBytes: number = defaultBudgetBytes) {
    this.totalBytes = totalBytes;
    this.#grantable = Math.floor(totalBytes * 2 / 3);
  }

  /** What a channel may always have under way. Shrinks as channels multiply. */
  get minimumBytes(): number {
    return Math.max(1, Math.min(mostMinimumBytes, Math.floor(this.#grantable / 2 / Math.max(1, this.#channels))));
  }

  /** What no channel holds beyond its minimum. */
  get freeBytes(): number {
    return Math.max(0, this.#grantable - this.#channels * this.minimumBytes - this.#heldBytes);
  }

  /** Takes a channel in. */
  join(): CreditShare {
    this.#channels++;
    return new CreditShare(this);
  }

  /** A channel is gone, with what it held. */
  leave(heldBytes: number): void {
    this.#channels--;
    this.#heldBytes -= heldBytes;
  }

  /** Replaces what a channel holds by `wantedBytes` or what there is; `unusedBytes` of it cannot be taken back. */
  exchange(heldBytes: number, unusedBytes: number, wantedBytes: number): number {
    this.#heldBytes -= heldBytes;
    const most = Math.floor(this.freeBytes * shareOfFree);
    const held = Math.max(unusedBytes, Math.min(wantedBytes, most));
    this.#heldBytes += held;
    return held;
  }
}

/** One channel's part of a pool. */
export class CreditShare {
  readonly #pool: CreditPool;
  #heldBytes = 0;
  #limit = 0;

  constructor(pool: CreditPool) {
    this.#pool = pool;
  }

  /**
   * The limit of a channel that has consumed `consumedCost` and would take `wantedBytes` more: as much of that as the pool
   * has, never less than the minimum, and never less than what was granted before.
   */
  limit(consumedCost: number, wantedBytes: number): number {
    const minimum = this.#pool.minimumBytes;
    const unused = Math.max(0, this.#limit - consumedCost - minimum);
    this.#heldBytes = this.#pool.exchange(this.#heldBytes, unused, Math.max(0, wantedBytes - minimum));
    this.#limit = Math.max(this.#limit, consumedCost + Math.min(Math.max(wantedBytes, 1), minimum) + this.#heldBytes);
    return this.#limit;
  }

  /** Gives everything back. */
  leave(): void {
    this.#pool.leave(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

/** Far below the 64 MB at which a NATS server takes a connection for a slow consumer. */
export const defaultBudgetBytes: number = 16 * 1024 * 1024;

const mostMinimumBytes = 4_096;

/** The share of what is free that one channel may hold. */
const shareOfFree = 0.2;
