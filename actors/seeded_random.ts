import { SluiceError } from "./error.ts";
import type { Random } from "./random.ts";

/**
 * A generator whose draws depend on nothing but its seed, and are the same in every runtime. Not for secrets.
 *
 * The generator is xoshiro128** 1.1 (Blackman and Vigna, 2018); its state is drawn by splitmix32 from two 32-bit hashes of
 * the seed's UTF-16 code units.
 */
export class SeededRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: string | number) {
    this.#seed = String(seed);
    [this.#a, this.#b, this.#c, this.#d] = stateOf(this.#seed);
  }

  next(): number {
    return ((this.#bits() >>> 5) * 0x400_0000 + (this.#bits() >>> 6)) / 0x20_0000_0000_0000;
  }

  int(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1) {
      throw new SluiceError("OPTION_OUT_OF_RANGE", `Random.int: the bound must be a whole number of at least 1, not ${bound}`);
    }
    if (bound > 0x1_0000_0000) return Math.floor(this.next() * bound);
    // Draws above the largest multiple of the bound would favour small results.
    const limit = 0x1_0000_0000 - 0x1_0000_0000 % bound;
    for (;;) {
      const bits = this.#bits() >>> 0;
      if (bits < limit) return bits % bound;
    }
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new SluiceError("OPTION_OUT_OF_RANGE", "Random.pick: the list is empty");
    return list[this.int(list.length)]!;
  }

  fork(name: string): Random {
    return new SeededRandom(`${this.#seed}/${name}`);
  }

  id(): string {
    let digits = "";
    for (let i = 0; i < 4; i++) digits += (this.#bits() >>> 0).toString(16).padStart(8, "0");
    return digits;
  }

  #bits(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return result;
  }
}

function rotate(bits: number, by: number): number {
  return (bits << by) | (bits >>> (32 - by));
}

function stateOf(seed: string): [number, number, number, number] {
  let low = 0x811c_9dc5;
  let high = 0x9e37_79b9 ^ seed.length;
  for (let i = 0; i < seed.length; i++) {
    const unit = seed.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x0100_0193);
    high = Math.imul(rotate(high, 5) ^ unit, 0x85eb_ca6b);
  }
  const fromLow = splitmix(low);
  const fromHigh = splitmix(high);
  const state: [number, number, number, number] = [fromLow(), fromHigh(), fromLow(), fromHigh()];
  if ((state[0] | state[1] | state[2] | state[3]) === 0) state[0] = 1; // the one state from which xoshiro never leaves
  return state;
}

function splitmix(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return mixed ^ (mixed >>> 15);
  };
}
