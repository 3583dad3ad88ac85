import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/**
 * What a runtime's process says about its progress. One JSON object a line in a file, written synchronously, so that nothing
 * is lost when the process crashes or hangs and nothing mixes with what tests print.
 */
export type JournalEvent =
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "limit"; readonly limitMs: number }
  | { readonly kind: "suite"; readonly name: string }
  | { readonly kind: "test"; readonly outcome: "passed" | "failed" | "skipped" }
  | { readonly kind: "skip"; readonly reason: string }
  | { readonly kind: "failure"; readonly text: string }
  | {
    readonly kind: "result";
    readonly file: string;
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
    readonly tookMs: number;
  }
  | { readonly kind: "done" };

/** Appends events to a journal file. */
export class JournalWriter {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a");
  }

  write(event: JournalEvent): void {
    writeSync(this.#descriptor, JSON.stringify(event) + "\n");
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Reads a journal file as it grows: each call of `next` gives the events that are new and whole. */
export class JournalReader {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  next(): JournalEvent[] {
    const text = readFileSync(this.#path, "utf8");
    const end = text.lastIndexOf("\n") + 1;
    const lines = text.slice(this.#offset, end).split("\n").filter((line) => line !== "");
    this.#offset = end;
    return lines.map((line) => JSON.parse(line) as JournalEvent);
  }
}
