/**
 * Counts writes that are not confirmed yet. One that fails makes every later wait reject with its error; those behind it may
 * have been stored. One waits at a time.
 */
export class OpenWrites {
  readonly #most: number;
  #open = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param most when so many are open, the writer waits until half of them are confirmed */
  constructor(most: number) {
    this.#most = most;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Counts a write until it settles. */
  add(write: Promise<unknown>): void {
    this.#open++;
    write.catch((error: unknown) => this.#failure ??= { error }).then(() => {
      this.#open--;
      this.#wake?.();
    });
  }

  /** A promise means: no more until it settles. */
  room(): void | Promise<void> {
    if (this.failed || this.#open >= this.#most) return this.#until(() => this.#open < this.#most / 2);
  }

  /** Settles when everything so far is confirmed; rejects when something was not. */
  settled(): Promise<void> {
    return this.#until(() => this.#open === 0);
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached() && !this.failed) await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
