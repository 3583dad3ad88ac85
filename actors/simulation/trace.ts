import type { Clock } from "../clock.ts";

const kept = 40;

/**
 * What happened in a simulated world: the latest lines to read, and a hash over everything to compare two runs by. The hash
 * is FNV-1a over times, lines and counts.
 */
export class Trace {
  readonly #clock: Clock;
  readonly #lines: string[] = [];
  readonly #keepAll: boolean;
  #hash = 0x811c_9dc5;

  constructor(clock: Clock, options: { readonly keepAll?: boolean } = {}) {
    this.#clock = clock;
    this.#keepAll = options.keepAll ?? false;
  }

  /** Says that something happened now. */
  note(event: string): void {
    const line = `${this.#clock.monotonic().toFixed(3)} ${event}`;
    for (let i = 0; i < line.length; i++) this.count(line.charCodeAt(i));
    this.#lines.push(line);
    if (!this.#keepAll && this.#lines.length > 2 * kept) this.#lines.splice(0, kept);
  }

  /** Takes a number into the hash without a line. */
  count(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x0100_0193);
  }

  /** Eight hexadecimal digits over everything so far. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** The latest lines, oldest first; all of them if it keeps all. */
  latest(): readonly string[] {
    return this.#keepAll ? [...this.#lines] : this.#lines.slice(-kept);
  }
}
