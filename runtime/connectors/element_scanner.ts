import { Carry } from "./carry.ts";

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const byteOrderMark = [0xef, 0xbb, 0xbf];
const nothing = new Uint8Array(0);

/** What an {@link ElementScanner} has to say when it has no element to give. */
export type ElementEvent =
  /** The next chunk is needed. */
  | "starved"
  /** The array has ended, and nothing but white space came after it. */
  | "done"
  /** The file does not begin with `[`. Nothing more will come. */
  | "no-array"
  /** The file ended before the array did. `done` follows. */
  | "cut-off"
  /** Something follows the array. `done` follows. */
  | "trailing"
  /** The element is over its limit and will be passed over. */
  | "too-long";

/**
 * Finds the elements of the JSON array that a file holds, in chunks that may be cut anywhere. Pure: chunks are pushed in,
 * elements are taken out.
 *
 * It looks at strings, escapes and brackets only, so that an element which is no JSON does not hide the next one, unless it
 * leaves a string or a bracket open. All bytes it looks for are ASCII, so no cut through a character can mislead it.
 */
export class ElementScanner {
  readonly #maxBytes: number;
  readonly #carry = new Carry();
  #chunk: Uint8Array = nothing;
  #chunkStart = 0;
  #at = 0;
  #place: "before" | "first" | "between" | "within" | "after" | "over" = "before";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #dropping = false;
  #fileEnded = false;
  #offset = 0;

  constructor(maxElementBytes: number) {
    this.#maxBytes = maxElementBytes;
  }

  /** Where in the file lies what `next` has just spoken of. */
  get offset(): number {
    return this.#offset;
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

  /** The bytes of the next element, perhaps with white space after it; empty where an element is missing. */
  next(): Uint8Array | ElementEvent {
    for (;;) {
      if (this.#place === "over") return "done";
      if (this.#place !== "within") {
        const byte = this.#skipSpace();
        if (byte === undefined) return this.#fileEnded ? this.#cutOff() : "starved";
        this.#offset = this.#chunkStart + this.#at;
        if (this.#place === "before") {
          if (byte !== openBracket) return this.#finish("no-array");
          this.#place = "first";
          this.#at++;
        } else if (this.#place === "after") return this.#finish("trailing");
        else if (this.#place === "first" && byte === closeBracket) {
          this.#place = "after";
          this.#at++;
        } else this.#place = "within";
        continue;
      }
      const from = this.#at;
      const complete = this.#findEnd();
      const part = this.#chunk.subarray(from, this.#at);
      if (!this.#dropping && this.#carry.bytes + part.length > this.#maxBytes) {
        this.#carry.clear();
        this.#dropping = true;
        return "too-long";
      }
      if (!complete) {
        if (!this.#dropping) this.#carry.add(part);
        if (this.#fileEnded) return this.#cutOff();
        return "starved";
      }
      this.#place = this.#chunk[this.#at] === comma ? "between" : "after";
      this.#at++;
      if (!this.#dropping) return this.#carry.take(part);
      this.#dropping = false;
    }
  }

  /** Moves on to the end of the element in this chunk; false when it lies further on. */
  #findEnd(): boolean {
    const chunk = this.#chunk;
    let at = this.#at;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let found = false;
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) inString = true;
      else if (byte === openBrace || byte === openBracket) depth++;
      else if (depth > 0) {
        if (byte === closeBrace || byte === closeBracket) depth--;
      } else if (byte === comma || byte === closeBracket) {
        found = true;
        break;
      }
    }
    this.#at = at;
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return found;
  }

  /** The next byte that is no white space, left to be read; a byte order mark may stand at the very start of the file. */
  #skipSpace(): number | undefined {
    const chunk = this.#chunk;
    for (; this.#at < chunk.length; this.#at++) {
      const byte = chunk[this.#at] as number;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      if (this.#place === "before" && byteOrderMark[this.#chunkStart + this.#at] === byte) continue;
      return byte;
    }
    return undefined;
  }

  #cutOff(): ElementEvent {
    if (this.#place === "after") return this.#finish("done");
    if (this.#place !== "within") this.#offset = this.#chunkStart + this.#at;
    return this.#finish(this.#place === "before" ? "no-array" : "cut-off");
  }

  #finish(event: ElementEvent): ElementEvent {
    this.#place = "over";
    this.#carry.clear();
    return event;
  }
}
