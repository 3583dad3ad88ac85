/** The bytes of a record that began in earlier chunks of a file. */
export class Carry {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** How many bytes are held. */
  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** All that is held and `last` after it, in one run; `last` itself when nothing is held. Nothing is held afterwards. */
  take(last: Uint8Array): Uint8Array {
    if (this.#bytes === 0) return last;
    const whole = new Uint8Array(this.#bytes + last.length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    whole.set(last, at);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
