import type { Static, TSchema } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import type { PollResult, Source, SourceContext, SourceOutput, Split, SplitReader } from "../graph/source.ts";
import { cutFiles, type FileRange, filesAt, rangeOf, splitOf } from "./file_range.ts";
import { LineScanner } from "./line_scanner.ts";
import { checkText, checkWhole } from "./option.ts";
import { fileSize, ReadAhead, shrunk, unreadable } from "./read_ahead.ts";
import { checkRecordOptions, Malformed, type RecordOptions, RecordParser } from "./record_parser.ts";

/** What a JSONL source can be told. */
export interface JsonlOptions<S extends TSchema = TSchema> extends RecordOptions<S> {
  /**
   * How long the ranges are into which a file is cut, each read by one subtask.
   * @default 32 MiB
   */
  readonly splitBytes?: number;
  /**
   * The most bytes a line may have; a longer one is malformed.
   * @default 16 MiB
   */
  readonly maxLineBytes?: number;
}

/**
 * A bounded source of files with one JSON value a line: a file, several, or a folder (its `.jsonl` and `.ndjson` files).
 *
 * - A split is a range of bytes and owns the lines that start in it; within it lines come in order. A position is the byte at
 *   which the next line starts.
 * - `\r\n` ends a line as `\n` does; lines of white space only are passed over; a byte order mark may begin a file.
 * - The ranges are fixed by the first start. What is appended to a file later is not read (the rest of a last line that had
 *   no end is); files that come into the folder are read after a restore. A file that became shorter, or has no line
 *   start where one was, is an error.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`; when read, `SOURCE_MISSING`, `SOURCE_UNREADABLE`, `SOURCE_POSITION_LOST`,
 * `SOURCE_POSITION_INVALID`, `RECORD_MALFORMED`
 */
export function jsonlSource<S extends TSchema>(
  path: string | readonly string[],
  options: JsonlOptions<S> & { readonly schema: S },
): Source<Static<S>, number>;
export function jsonlSource<T = unknown>(path: string | readonly string[], options?: JsonlOptions): Source<T, number>;
export function jsonlSource(path: string | readonly string[], options: JsonlOptions = {}): Source<unknown, number> {
  const paths = typeof path === "string" ? [path] : [...path];
  for (const each of paths) checkText("jsonlSource", "each path", each);
  if (paths.length === 0 || new Set(paths).size < paths.length) {
    throw new SluiceError("OPTION_OUT_OF_RANGE", "jsonlSource: give at least one path, and each path once");
  }
  checkRecordOptions("jsonlSource", options);
  checkWhole("jsonlSource", "splitBytes", options.splitBytes, 1);
  checkWhole("jsonlSource", "maxLineBytes", options.maxLineBytes, 1);
  return {
    kind: "jsonl",
    bounded: true,
    splits: (context, known) => findSplits(paths, options.splitBytes ?? 32 * 1024 * 1024, context, known),
    open: (split, position, context) => openRange(rangeOf(split, context.uid), position, options, context),
  };
}

/** The splits of the snapshot, and those of files that it does not know. */
async function findSplits(
  paths: readonly string[],
  splitBytes: number,
  context: SourceContext,
  known: readonly Split[] = [],
): Promise<readonly Split[]> {
  const knownPaths = new Set(known.map((split) => rangeOf(split, context.uid).path));
  const files = new Set(await filesAt(paths, context));
  const fresh = [...files].filter((file) => !knownPaths.has(file));
  return [...known, ...(await cutFiles(fresh, splitBytes, context)).map(splitOf)];
}

async function openRange(
  range: FileRange,
  position: number | undefined,
  options: JsonlOptions,
  context: SourceContext,
): Promise<JsonlReader> {
  const at = position ?? range.start;
  if (!Number.isSafeInteger(at) || at < range.start) {
    throw new SluiceError(
      "SOURCE_POSITION_INVALID",
      `source ${context.uid}: ${String(position)} is no position in split "${splitOf(range).id}": was it another source's?`,
    );
  }
  const bytes = await fileSize(context, range.path);
  const needed = Math.max(at, range.end);
  if (bytes < needed) throw shrunk(context.uid, range.path, needed, bytes);
  if (at > range.start && !(await startsLine(range.path, at, context))) {
    throw new SluiceError(
      "SOURCE_POSITION_LOST",
      `source ${context.uid}: a line of "${range.path}" started at byte ${at} before, and does not any more: bring the file ` +
        `back as it was, or start without the snapshot`,
    );
  }
  return new JsonlReader(range, at, bytes, options, context);
}

/** Whether a line starts at a byte; the end of a last line that had no `\n`, and has got one since, counts. */
async function startsLine(path: string, at: number, context: SourceContext): Promise<boolean> {
  try {
    const [before, here] = await context.disk.readRange(path, at - 1, 2);
    return before === 0x0a || here === undefined || here === 0x0a || here === 0x0d;
  } catch (error) {
    throw unreadable(context.uid, path, error);
  }
}

class JsonlReader implements SplitReader<unknown, number> {
  readonly #path: string;
  readonly #maxLineBytes: number;
  readonly #parser: RecordParser;
  readonly #scanner: LineScanner;
  readonly #ahead: ReadAhead;
  #position: number;

  constructor(range: FileRange, at: number, fileBytes: number, options: JsonlOptions, context: SourceContext) {
    this.#path = range.path;
    this.#maxLineBytes = options.maxLineBytes ?? 16 * 1024 * 1024;
    this.#parser = new RecordParser(options, context);
    this.#position = at;
    // The byte before a range tells whether its first byte starts a line.
    const within = at === range.start && at > 0;
    const from = within ? at - 1 : at;
    this.#scanner = new LineScanner({ from, to: range.end, within, maxLineBytes: this.#maxLineBytes });
    this.#ahead = new ReadAhead(context, range.path, from, fileBytes);
  }

  poll(output: SourceOutput<unknown>, maxRecords: number): PollResult {
    for (let steps = maxRecords; steps > 0; steps--) {
      const line = this.#scanner.next();
      if (line === "done") return "ended";
      if (line === "starved") {
        const chunk = this.#ahead.take();
        if (chunk !== undefined) this.#scanner.push(chunk);
        else if (this.#ahead.ended) this.#scanner.end();
        else return "waiting";
      } else if (line === "too-long") {
        this.#parser.reject(
          this.#place(),
          new Malformed(`it is longer than maxLineBytes: ${this.#maxLineBytes}`),
        );
      } else if (!this.#take(line, output)) break;
    }
    return "more";
  }

  position(): number {
    return this.#position;
  }

  close(): Promise<void> {
    return this.#ahead.close();
  }

  #take(bytes: Uint8Array, output: SourceOutput<unknown>): boolean {
    const line = this.#scanner.offset === 0 ? withoutMark(bytes) : bytes;
    let goOn = true;
    if (!isBlank(line)) {
      const value = this.#parser.parse(line);
      if (value instanceof Malformed) this.#parser.reject(this.#place(), value);
      else goOn = output.emit(value);
    }
    this.#position = this.#scanner.lineStart;
    return goOn;
  }

  #place(): string {
    return `the line of "${this.#path}" at byte ${this.#scanner.offset}`;
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function withoutMark(line: Uint8Array): Uint8Array {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}
