import type { Console } from "../../runtime/cli/console.ts";
import { runProgram } from "../../runtime/cli/program.ts";

/** A `sluice …` command that runs in this process. */
export class CommandLine {
  readonly said: string[] = [];
  readonly out: string[] = [];
  /** Its exit code, once it has ended. */
  readonly code: Promise<number>;
  #interrupts: (() => void)[] = [];
  #waiting: { readonly matches: (line: string) => boolean; readonly resolve: (line: string) => void }[] = [];

  constructor(
    args: readonly string[],
    place: {
      readonly folder: string;
      readonly environment?: Console["environment"];
      readonly load?: Console["load"];
    },
  ) {
    const { folder, environment = {}, load = () => Promise.reject(new Error("there are no modules")) } = place;
    this.code = runProgram({
      args,
      folder,
      environment,
      load,
      out: (line) => this.#add(this.out, line),
      say: (line) => this.#add(this.said, line),
      onInterrupt: (handler) => {
        this.#interrupts.push(handler);
        return () => this.#interrupts = this.#interrupts.filter((of) => of !== handler);
      },
    });
  }

  /** Ctrl-C. */
  interrupt(): void {
    for (const handler of this.#interrupts) handler();
  }

  /** Ctrl-C twice: it waits for nothing. Settles when it has ended. */
  async end(): Promise<void> {
    this.interrupt();
    this.interrupt();
    await this.code;
  }

  /** The first line, said or put out, that has a text in it: waits for one, until the command has ended. */
  async line(text: string): Promise<string> {
    const matches = (line: string) => line.includes(text);
    const there = [...this.said, ...this.out].find(matches);
    if (there !== undefined) return there;
    const line = await Promise.race([
      new Promise<string>((resolve) => this.#waiting.push({ matches, resolve })),
      this.code.then(() => undefined),
    ]);
    if (line !== undefined) return line;
    throw new Error(`it ended without saying ${JSON.stringify(text)}:\n${[...this.said, ...this.out].join("\n")}`);
  }

  #add(lines: string[], line: string): void {
    lines.push(...line.split("\n"));
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ matches }) => !matches(line));
    for (const { matches, resolve } of waiting) if (matches(line)) resolve(line);
  }
}
