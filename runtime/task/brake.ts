/**
 * Why a task takes no more input: some output has no credit, or an operator waits for a promise.
 *
 * The loop over records reads one field, `on`, and nothing else.
 */
export class Brake {
  /** True: process no further record, timer or watermark. */
  on = false;
  #blockedOutputs = 0;
  #suspensions = 0;

  /** Whether an output waits for credit. */
  get blocked(): boolean {
    return this.#blockedOutputs > 0;
  }

  /** Whether an operator waits for a promise. */
  get suspended(): boolean {
    return this.#suspensions > 0;
  }

  block(): void {
    this.#blockedOutputs++;
    this.on = true;
  }

  unblock(): void {
    this.#blockedOutputs--;
    this.#update();
  }

  suspend(): void {
    this.#suspensions++;
    this.on = true;
  }

  release(): void {
    this.#suspensions--;
    this.#update();
  }

  #update(): void {
    this.on = this.#blockedOutputs > 0 || this.#suspensions > 0;
  }
}
