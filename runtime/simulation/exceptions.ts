/** Where a simulated job can be made to throw. */
export type ThrowingCall = "poll" | "write" | "prepare" | "commit";

/** Exceptions that wait for the next call of a source or sink. */
export class Exceptions {
  readonly #armed = new Map<string, number>();
  #thrown = 0;

  /** How many were thrown so far. */
  get thrown(): number {
    return this.#thrown;
  }

  arm(uid: string, where: ThrowingCall): void {
    const call = `${where} ${uid}`;
    this.#armed.set(call, (this.#armed.get(call) ?? 0) + 1);
  }

  disarm(): void {
    this.#armed.clear();
  }

  /** @throws {Error} when one is armed for this call; once for each */
  strike(uid: string, where: ThrowingCall): void {
    if (this.#armed.size === 0) return;
    const call = `${where} ${uid}`;
    const armed = this.#armed.get(call);
    if (armed === undefined) return;
    if (armed === 1) this.#armed.delete(call);
    else this.#armed.set(call, armed - 1);
    throw new Error(`simulated exception ${++this.#thrown}: ${where} of ${uid}`);
  }
}
