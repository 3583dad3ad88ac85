/** What a chunk of a snapshot should come to: an encoding of this size takes a fraction of a millisecond. */
const wantedBytes = 32 * 1024;

/** How many items the very first chunk has, and at most the first of a cut: nothing is known of them, or they may have grown. */
const firstEver = 8;
const firstOfCut = 64;

/** A chunk has at most so many times as many items as the one before. */
const mostGrowth = 8;

/** Finds out how many items make a chunk of a good size: it starts low and follows what the chunks before came to. */
export class ChunkSize {
  count = firstEver;
  readonly #most: number;

  /** @param most how many items a chunk holds at most */
  constructor(most: number) {
    this.#most = most;
  }

  /** A cut begins. */
  begin(): void {
    this.count = Math.min(this.count, firstOfCut);
  }

  /** The last chunk of `count` items had so many bytes. */
  wrote(bytes: number): void {
    if (bytes <= 2 * wantedBytes && bytes >= wantedBytes / 2) return;
    const factor = Math.min(mostGrowth, wantedBytes / bytes);
    this.count = Math.max(1, Math.min(this.#most, Math.floor(this.count * factor)));
  }
}
