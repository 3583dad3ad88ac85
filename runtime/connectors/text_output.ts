/** Takes text: what `process.stdout` is to a sink. */
export interface TextOutput {
  /** Takes the text; false means: full, `drain` follows. Calls `done` once it has been passed on, or could not be. */
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: "drain", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "drain", listener: () => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

const shared = new WeakMap<TextOutput, SharedOutput>();

/**
 * An output that several writers use at once: listened to once, whatever their number, and only while one of them uses it or
 * text is on its way.
 */
export class SharedOutput {
  readonly #output: TextOutput;
  readonly #users = new Set<() => void>();
  #listening = false;
  #unwritten = 0;
  #full = false;
  #failure: Error | undefined;

  private constructor(output: TextOutput) {
    this.#output = output;
  }

  /** The one for this output. */
  static of(output: TextOutput): SharedOutput {
    let found = shared.get(output);
    if (found === undefined) {
      found = new SharedOutput(output);
      shared.set(output, found);
    }
    return found;
  }

  /** Whether more should wait. */
  get full(): boolean {
    return this.#full;
  }

  /** Why it takes no more. Final. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls `changed` whenever `full` or `failure` has changed, until the returned function is called. */
  use(changed: () => void): () => void {
    this.#users.add(changed);
    if (!this.#listening) {
      this.#listening = true;
      this.#output.on("drain", this.#onDrain);
      this.#output.on("error", this.#onError);
    }
    return () => {
      this.#users.delete(changed);
      this.#letGo();
    };
  }

  /** Writes the text; `done` is called when it has been passed on, or could not be. */
  write(text: string, done: () => void): void {
    this.#unwritten++;
    const goOn = this.#output.write(text, (error) => {
      this.#unwritten--;
      if (error) this.#failure ??= error;
      done();
      this.#letGo();
    });
    if (!goOn) this.#full = true;
  }

  readonly #onDrain = (): void => {
    this.#full = false;
    for (const changed of [...this.#users]) changed();
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
    for (const changed of [...this.#users]) changed();
  };

  /** A broken output is listened to for good: an error that nobody listens to would end the process. */
  #letGo(): void {
    if (this.#users.size > 0 || this.#unwritten > 0 || this.#failure !== undefined || !this.#listening) return;
    this.#listening = false;
    this.#full = false;
    this.#output.off("drain", this.#onDrain);
    this.#output.off("error", this.#onError);
  }
}
