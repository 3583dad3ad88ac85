/**
 * Why a task takes no more input: some output has no credit, or an operator waits for a promise.
 *
 * The loop over records reads one field, `on`, and nothing else.
 */
export class Brake {
  /** True: process no further record, timer or watermark. */
  on = false;
  /** Closed when the brake goes on; the subtask opens it again. */
  readonly #entrance: { close(): void } | undefined;
  #blockedOutputs = 0;
  #suspensions = 0;

  constructor(entrance?: { close(): void }) {
    this.#entrance = entrance;
  }

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
    this.#brake();
  }

  unblock(): void {
    this.#blockedOutputs--;
    this.#update();
  }

  suspend(): void {
    this.#suspensions++;
    this.#brake();
  }

  release(): void {
    this.#suspensions--;
    this.#update();
  }

  #brake(): void {
    this.on = true;
    this.#entrance?.close();
  }

  #update(): void {
    this.on = this.#blockedOutputs > 0 || this.#suspensions > 0;
  }
}
