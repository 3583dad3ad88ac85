/**
 * How long a peer has been silent. Its silence counts only while one's own connection is up, and from the beginning after it
 * returned (protocol 4.5): else everybody would be taken for dead when the broker was.
 */
export class Silence {
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** To be called at every look, also while the connection is down: gives the milliseconds of silence that count. */
  look(nowMs: number, connected: boolean): number {
    if (!connected) this.#sinceMs = nowMs;
    return nowMs - this.#sinceMs;
  }
}
