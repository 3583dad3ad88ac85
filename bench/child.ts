import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { thisRuntime } from "./machine.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A program of `children/` in a process of its own, on the runtime that this process is; `.js` ones may do without a loader. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting: {
    readonly begins: string;
    readonly resolve: (line: string) => void;
    readonly reject: (e: Error) => void;
  }[] = [];

  constructor(program: string, words: readonly string[], options: { readonly loader?: boolean } = {}) {
    const file = fileURLToPath(new URL(`./children/${program.endsWith(".js") ? program : `${program}.ts`}`, import.meta.url));
    const [command, ...before] = {
      // The loader within the process itself: killing it kills no wrapper.
      node: options.loader === false ? [process.execPath] : [process.execPath, "--import", "tsx"],
      deno: [process.execPath, "run", "-A"],
      bun: [process.execPath],
    }[thisRuntime().name] as [string, ...string[]];
    this.#process = spawn(command, [...before, file, ...words], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout as NonNullable<ChildProcess["stdout"]> }).on("line", (line) => {
      const index = this.#waiting.findIndex(({ begins }) => line.startsWith(begins));
      if (index < 0) this.#lines.push(line);
      else this.#waiting.splice(index, 1)[0]?.resolve(line);
    });
    this.#process.on("close", (status) => {
      for (const { reject } of this.#waiting) reject(new Error(`${program} ended with ${String(status)}`));
    });
  }

  /** What the system calls it. */
  get pid(): number {
    return this.#process.pid ?? NaN;
  }

  /** Puts a line on its standard input, which ends with this process. */
  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** The next line that begins so. */
  line(begins: string): Promise<string> {
    const index = this.#lines.findIndex((line) => line.startsWith(begins));
    if (index >= 0) return Promise.resolve(this.#lines.splice(index, 1)[0] as string);
    return new Promise((resolve, reject) => this.#waiting.push({ begins, resolve, reject }));
  }

  /** Ends it without a warning, and waits until it is gone. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once("close", resolve));
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await gone;
  }
}
