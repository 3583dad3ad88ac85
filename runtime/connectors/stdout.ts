import { SluiceError } from "../../actors/error.ts";
import type { Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
import { jsonLine } from "./json_line.ts";
import { checkFunction } from "./option.ts";
import { SharedOutput, type TextOutput } from "./text_output.ts";

const maxBufferChars = 64 * 1024;

/** What a stdout sink can be told. */
export interface StdoutOptions<T> {
  /**
   * The text of a value; a line end is added.
   * @default JSON
   */
  readonly format?: (value: T) => string;
  /**
   * Where the text goes.
   * @default process.stdout
   */
  readonly output?: TextOutput;
}

/**
 * A plain sink that writes every value as a line: at least once. Before a checkpoint is acknowledged, all lines before it
 * have been passed on. When the output is full, the sink waits.
 *
 * When writing, it fails with `SINK_FAILED` (the output takes no more, as a closed pipe) or `RECORD_UNSERIALISABLE`.
 */
export function stdout<T>(options: StdoutOptions<T> = {}): Sink<T> {
  const { format } = options;
  if (format !== undefined) checkFunction("stdout", "format", format);
  return {
    kind: "stdout",
    delivery: "at-least-once",
    open(context) {
      const lineOf = format === undefined ? (value: T) => jsonLine(value, context.uid) : (value: T) => `${format(value)}\n`;
      return new LineWriter<T>(lineOf, SharedOutput.of(options.output ?? process.stdout), context);
    },
  };
}

/** Gathers the lines of a turn and writes them in one piece. */
class LineWriter<T> implements SinkWriter<T> {
  readonly #lineOf: (value: T) => string;
  readonly #output: SharedOutput;
  readonly #context: SinkContext;
  readonly #letGo: () => void;
  #buffer = "";
  #scheduled = false;
  #unwritten = 0;
  #waiting: { readonly ready: () => boolean; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(lineOf: (value: T) => string, output: SharedOutput, context: SinkContext) {
    this.#lineOf = lineOf;
    this.#output = output;
    this.#context = context;
    this.#letGo = output.use(this.#settle);
    context.signal.addEventListener("abort", this.#settle);
  }

  write(value: T): void | Promise<void> {
    const failure = this.#failure();
    if (failure !== undefined) throw failure;
    this.#buffer += this.#lineOf(value);
    if (this.#buffer.length >= maxBufferChars) this.#pushOut();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#context.clock.yield(() => {
        this.#scheduled = false;
        this.#pushOut();
      });
    }
    return this.#output.full ? this.#until(() => !this.#output.full) : undefined;
  }

  flush(): Promise<void> {
    this.#pushOut();
    return this.#until(() => this.#unwritten === 0);
  }

  /** After an abort, what is still held is dropped: it will be replayed. */
  async close(): Promise<void> {
    try {
      if (!this.#context.signal.aborted && this.#output.failure === undefined) await this.flush();
    } finally {
      this.#buffer = "";
      this.#context.signal.removeEventListener("abort", this.#settle);
      this.#letGo();
    }
  }

  #pushOut(): void {
    const text = this.#buffer;
    if (text === "" || this.#output.failure !== undefined) return;
    this.#buffer = "";
    this.#unwritten++;
    this.#output.write(text, () => {
      this.#unwritten--;
      this.#settle();
    });
  }

  #until(ready: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ready, resolve, reject });
      this.#settle();
    });
  }

  /** After an abort nobody is kept waiting. */
  readonly #settle = (): void => {
    const failure = this.#failure();
    this.#waiting = this.#waiting.filter(({ ready, resolve, reject }) => {
      if (failure !== undefined) reject(failure);
      else if (ready() || this.#context.signal.aborted) resolve();
      else return true;
      return false;
    });
  };

  #failure(): SluiceError | undefined {
    const cause = this.#output.failure;
    if (cause === undefined) return undefined;
    return new SluiceError("SINK_FAILED", `sink ${this.#context.uid}: the output takes no more: ${cause.message}`, { cause });
  }
}
