/** What a chunk of a snapshot should come to: an encoding of this size takes a fraction of a millisecond. */
const wantedBytes = 32 * 1024;

/** Finds out how many items make a chunk of a good size: it starts low and follows what the chunks before came to. */
export class ChunkSize {
  count = 64;
  readonly #most: number;

  /** @param most how many items a chunk holds at most */
  constructor(most: number) {
    this.#most = most;
  }

  /** The last chunk of `count` items had so many bytes. */
  wrote(bytes: number): void {
    if (bytes > 2 * wantedBytes) this.count = Math.max(1, Math.floor(this.count * wantedBytes / bytes));
    else if (bytes < wantedBytes / 2) this.count = Math.min(this.#most, this.count * 2);
  }
}
