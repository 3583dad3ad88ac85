import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";

interface Watched {
  readonly where: string;
  readonly bytes: Uint8Array;
}

/**
 * Development mode: finds values that were changed in place after the state had handed them out, or after they had been given
 * to it. Compares encodings, as `Map`, `Set` and `Date` take no notice of being frozen.
 *
 * A change made after the turn is seen when the value is handed out the next time only if it is made in that turn: the guard
 * forgets everything at the end of each.
 */
export class MutationGuard {
  readonly #watched = new Map<object, Watched>();

  /** Remembers what the value looks like now. Call it again after a change that is allowed. */
  watch(value: unknown, where: string): void {
    if (typeof value !== "object" || value === null) return;
    this.#watched.set(value, { where, bytes: encodeValue(value, where) });
  }

  /** The same, unless the value is remembered already. */
  handOut(value: unknown, where: string): void {
    if (typeof value === "object" && value !== null && !this.#watched.has(value)) this.watch(value, where);
  }

  /**
   * Compares everything remembered and forgets it. Called at the end of each turn.
   * @throws {SluiceError} `STATE_MUTATED` naming the first value that was changed
   */
  check(): void {
    const watched = [...this.#watched];
    this.#watched.clear();
    for (const [value, { where, bytes }] of watched) {
      if (!equal(encodeValue(value, where), bytes)) {
        throw new SluiceError(
          "STATE_MUTATED",
          `${where} was changed in place without the state knowing; change it inside mutate(), or set() a changed copy`,
        );
      }
    }
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}
