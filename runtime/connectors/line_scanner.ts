import { Carry } from "./carry.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const nothing = new Uint8Array(0);

/** Which lines a {@link LineScanner} gives. */
export interface LineRange {
  /** Where in the file the first chunk begins. */
  readonly from: number;
  /** Lines that start here or later are not given. */
  readonly to: number;
  /** Whether `from` may lie within a line, which is then left to whoever owns its start. */
  readonly within: boolean;
  readonly maxLineBytes: number;
}

/**
 * Cuts chunks of a file into lines. Pure: chunks are pushed in, lines are taken out.
 *
 * `\n` ends a line, a `\r` before it does not belong to it, and the last line needs no end.
 */
export class LineScanner {
  readonly #to: number;
  readonly #maxLineBytes: number;
  readonly #carry = new Carry();
  #chunk: Uint8Array = nothing;
  #chunkStart: number;
  #at = 0;
  #dropping: boolean;
  #fileEnded = false;
  #lineStart: number;
  #offset: number;

  constructor(range: LineRange) {
    this.#chunkStart = range.from;
    this.#lineStart = range.from;
    this.#offset = range.from;
    this.#to = range.to;
    this.#dropping = range.within;
    this.#maxLineBytes = range.maxLineBytes;
  }

  /** Where in the file the line starts that `next` has just given or spoken of. */
  get offset(): number {
    return this.#offset;
  }

  /** Where in the file the next line starts: the end of the one given last. */
  get lineStart(): number {
    return this.#lineStart;
  }

  /** Gives the next chunk. The one before must have been used up: `next` said `starved`. */
  push(chunk: Uint8Array): void {
    this.#chunkStart += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Says that no chunk is to come. */
  end(): void {
    this.#fileEnded = true;
  }

  /** The next line without its end. `too-long`: the line at `offset` is over its limit and will be passed over. */
  next(): Uint8Array | "starved" | "done" | "too-long" {
    for (;;) {
      if (!this.#dropping && this.#lineStart >= this.#to) return "done";
      const chunk = this.#chunk;
      const from = this.#at;
      if (from === chunk.length) {
        if (!this.#fileEnded) return "starved";
        return this.#endOfFile();
      }
      const lineEnd = chunk.indexOf(lineFeed, from);
      const complete = lineEnd !== -1;
      const part = chunk.subarray(from, complete ? lineEnd : chunk.length);
      this.#at = complete ? lineEnd + 1 : chunk.length;
      if (!this.#dropping && this.#carry.bytes + part.length > this.#maxLineBytes) {
        this.#carry.clear();
        this.#dropping = true;
        this.#offset = this.#lineStart;
        // An end that was found here is looked at again, now to end the dropping.
        if (complete) this.#at = lineEnd;
        return "too-long";
      }
      if (!complete) {
        if (!this.#dropping) this.#carry.add(part);
        continue;
      }
      this.#offset = this.#lineStart;
      this.#lineStart = this.#chunkStart + this.#at;
      if (this.#dropping) this.#dropping = false;
      else return withoutReturn(this.#carry.take(part));
    }
  }

  #endOfFile(): Uint8Array | "done" {
    const last = this.#carry.take(nothing);
    const dropped = this.#dropping;
    this.#dropping = false;
    this.#offset = this.#lineStart;
    this.#lineStart = this.#chunkStart + this.#at;
    return dropped || last.length === 0 ? "done" : withoutReturn(last);
  }
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line;
}
