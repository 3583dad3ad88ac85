import type { Static, TSchema } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import type { PollResult, Source, SourceContext, SourceOutput, SplitReader } from "../graph/source.ts";
import { type ElementEvent, ElementScanner } from "./element_scanner.ts";
import { checkPositive, checkText, checkWhole } from "./option.ts";
import { Pacer } from "./pacer.ts";
import { fileSize, ReadAhead } from "./read_ahead.ts";
import { checkRecordOptions, Malformed, type RecordOptions, RecordParser } from "./record_parser.ts";

/** What a JSON array source can be told. */
export interface JsonArrayOptions<S extends TSchema = TSchema> extends RecordOptions<S> {
  /**
   * How many times the file is read, one time after the other.
   * @default 1
   */
  readonly repeat?: number;
  /**
   * How many records go out in a second. What a pause of over 100 ms held up is not made up for.
   * @default as fast as they are taken
   */
  readonly ratePerSecond?: number;
  /**
   * The most bytes an element may have; a longer one is malformed.
   * @default 16 MiB
   */
  readonly maxElementBytes?: number;
}

/** Where a JSON array source is: the next element is `index`, in reading number `round` of the file. Both count from 0. */
export interface JsonArrayPosition {
  readonly round: number;
  readonly index: number;
}

/**
 * A bounded source of the elements of one JSON array in one file. One split; replays from the index of an element (the bytes
 * before it are looked through once more, not parsed).
 *
 * A malformed element is found at its neighbours' commas, so that skipping it loses it alone, unless it leaves a string or a
 * bracket open: then what follows is malformed with it. A file that is no array at all fails, whatever the policy.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`; when read, `SOURCE_MISSING`, `SOURCE_UNREADABLE`, `SOURCE_POSITION_LOST`,
 * `SOURCE_POSITION_INVALID`, `RECORD_MALFORMED`
 */
export function jsonArraySource<S extends TSchema>(
  path: string,
  options: JsonArrayOptions<S> & { readonly schema: S },
): Source<Static<S>, JsonArrayPosition>;
export function jsonArraySource<T = unknown>(path: string, options?: JsonArrayOptions): Source<T, JsonArrayPosition>;
export function jsonArraySource(path: string, options: JsonArrayOptions = {}): Source<unknown, JsonArrayPosition> {
  checkText("jsonArraySource", "the path", path);
  checkRecordOptions("jsonArraySource", options);
  checkWhole("jsonArraySource", "repeat", options.repeat, 1);
  checkWhole("jsonArraySource", "maxElementBytes", options.maxElementBytes, 1);
  checkPositive("jsonArraySource", "ratePerSecond", options.ratePerSecond);
  return {
    kind: "jsonArray",
    bounded: true,
    splits: (_context, known = []) => known.some(({ id }) => id === path) ? known : [...known, { id: path }],
    open: async (split, position, context) =>
      new JsonArrayReader(split.id, await fileSize(context, split.id), options, position, context),
  };
}

class JsonArrayReader implements SplitReader<unknown, JsonArrayPosition> {
  readonly #path: string;
  readonly #bytes: number;
  readonly #context: SourceContext;
  readonly #repeat: number;
  readonly #maxElementBytes: number;
  readonly #parser: RecordParser;
  readonly #pacer: Pacer | undefined;
  #round: number;
  /** The element that the scanner comes to next. */
  #index = 0;
  /** Elements before this one have been read by an earlier reader. */
  #resumeAt: number;
  #scanner: ElementScanner;
  #ahead: ReadAhead;
  /** The reading ahead of the round before has come to its end. */
  #roundBefore: Promise<void> | undefined;

  constructor(
    path: string,
    bytes: number,
    options: JsonArrayOptions,
    position: JsonArrayPosition | undefined,
    context: SourceContext,
  ) {
    this.#path = path;
    this.#bytes = bytes;
    this.#context = context;
    this.#repeat = options.repeat ?? 1;
    this.#maxElementBytes = options.maxElementBytes ?? 16 * 1024 * 1024;
    this.#parser = new RecordParser(options, context);
    this.#pacer = options.ratePerSecond === undefined ? undefined : new Pacer(context, options.ratePerSecond);
    const { round, index } = this.#check(position ?? { round: 0, index: 0 });
    this.#round = round;
    this.#resumeAt = index;
    this.#scanner = new ElementScanner(this.#maxElementBytes);
    this.#ahead = new ReadAhead(context, path, 0, bytes);
  }

  poll(output: SourceOutput<unknown>, maxRecords: number): PollResult {
    for (let steps = maxRecords; steps > 0; steps--) {
      if (this.#round >= this.#repeat) return "ended";
      const passing = this.#index < this.#resumeAt;
      if (!passing && this.#pacer?.allowance(1) === 0) {
        this.#pacer.wait();
        return "waiting";
      }
      const found = this.#scanner.next();
      if (found === "starved") {
        if (!this.#supply()) return "waiting";
      } else if (typeof found === "string") this.#handle(found);
      else if (passing) this.#index++;
      else {
        const value = found.length === 0 ? new Malformed("there is nothing between two commas") : this.#parser.parse(found);
        if (value instanceof Malformed) {
          this.#parser.reject(this.#place(), value);
          this.#index++;
        } else {
          this.#pacer?.spend(1);
          const goOn = output.emit(value);
          this.#index++;
          if (!goOn) break;
        }
      }
    }
    return "more";
  }

  position(): JsonArrayPosition {
    return { round: this.#round, index: Math.max(this.#index, this.#resumeAt) };
  }

  async close(): Promise<void> {
    this.#pacer?.cancel();
    await this.#roundBefore;
    await this.#ahead.close();
  }

  /** Gives the scanner what it needs; false when that has to be waited for. */
  #supply(): boolean {
    const chunk = this.#ahead.take();
    if (chunk !== undefined) this.#scanner.push(chunk);
    else if (this.#ahead.ended) this.#scanner.end();
    else return false;
    return true;
  }

  #handle(event: Exclude<ElementEvent, "starved">): void {
    switch (event) {
      case "done":
        return this.#endRound();
      case "no-array":
        throw new SluiceError(
          "RECORD_MALFORMED",
          `source ${this.#context.uid}: "${this.#path}" holds no JSON array: byte ${this.#scanner.offset} should be "["`,
        );
      case "cut-off":
        this.#checkResumed();
        return this.#parser.reject(this.#place(), new Malformed("the file ends before the array does"));
      case "trailing":
        return this.#parser.reject(this.#place(), new Malformed("the array has ended, and something else follows"));
      case "too-long":
        if (this.#index >= this.#resumeAt) {
          this.#parser.reject(this.#place(), new Malformed(`it is longer than maxElementBytes: ${this.#maxElementBytes}`));
        }
        this.#index++;
        return;
      default:
        event satisfies never;
    }
  }

  #endRound(): void {
    this.#checkResumed();
    // Without elements every further round is over at once.
    this.#round = this.#index === 0 ? this.#repeat : this.#round + 1;
    this.#index = 0;
    this.#resumeAt = 0;
    if (this.#round >= this.#repeat) return;
    this.#roundBefore = this.#ahead.close();
    this.#scanner = new ElementScanner(this.#maxElementBytes);
    this.#ahead = new ReadAhead(this.#context, this.#path, 0, this.#bytes);
  }

  #checkResumed(): void {
    if (this.#index >= this.#resumeAt) return;
    throw new SluiceError(
      "SOURCE_POSITION_LOST",
      `source ${this.#context.uid}: "${this.#path}" was read up to element ${this.#resumeAt} before, and now ends after ` +
        `${this.#index}: bring the file back as it was, or start without the snapshot`,
    );
  }

  #place(): string {
    return `element ${this.#index} of "${this.#path}", at byte ${this.#scanner.offset},`;
  }

  #check(position: JsonArrayPosition): JsonArrayPosition {
    const { round, index } = position;
    if (!Number.isSafeInteger(round) || !Number.isSafeInteger(index) || round < 0 || index < 0) {
      throw new SluiceError(
        "SOURCE_POSITION_INVALID",
        `source ${this.#context.uid}: ${JSON.stringify(position)} is no position in a JSON array: was it another source's?`,
      );
    }
    if (round > this.#repeat || (round === this.#repeat && index > 0)) {
      throw new SluiceError(
        "SOURCE_POSITION_LOST",
        `source ${this.#context.uid}: "${this.#path}" was being read for the ${round + 1}th time, but repeat is now ` +
          `${this.#repeat}: give at least as many as before, or start without the snapshot`,
      );
    }
    return position;
  }
}
