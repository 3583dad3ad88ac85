import { SluiceError } from "../../actors/error.ts";
import type { PollResult, SourceContext, SourceOutput, Split, SplitReader } from "../graph/source.ts";
import { Pacer } from "./pacer.ts";

/** Records by number: split i of P holds the numbers i, i + P, i + 2P … A split's id is `i/P`, so it never changes meaning. */
export interface Numbered<T> {
  /** The same record for the same number, always. */
  readonly make: (number: number) => T;
  /** How many there are; `Infinity` without an end. */
  readonly count: number;
  /** Of all splits together. */
  readonly ratePerSecond: number | undefined;
}

/** The splits of a numbered source: those of the snapshot if there is one, else `wanted`. */
export function numberedSplits(context: SourceContext, wanted: number, known: readonly Split[] = []): readonly Split[] {
  const before = known[0];
  const stride = before === undefined ? wanted : parse(before, context).stride;
  if (before !== undefined && stride !== wanted) {
    context.log({
      level: "info",
      from: context.uid,
      message: `goes on with the ${stride} splits of the snapshot, not ${wanted}: their number is fixed by the first start`,
    });
  }
  return Array.from({ length: stride }, (_, index) => ({ id: `${index}/${stride}` }));
}

/** Reads one split of a numbered source. Its position is the next number. */
export class NumberedReader<T> implements SplitReader<T, number> {
  private next: number;
  private readonly stride: number;
  private readonly count: number;
  private readonly make: (number: number) => T;
  private readonly pacer: Pacer | undefined;

  constructor(source: Numbered<T>, split: Split, position: number | undefined, context: SourceContext) {
    const { index, stride } = parse(split, context);
    this.next = position ?? index;
    this.stride = stride;
    this.count = source.count;
    this.make = source.make;
    const rate = source.ratePerSecond;
    this.pacer = rate === undefined ? undefined : new Pacer(context, rate / stride);
    this.#check(index, context.uid);
  }

  poll(output: SourceOutput<T>, maxRecords: number): PollResult {
    const { make, stride, pacer, count } = this;
    let next = this.next;
    if (next >= count) return "ended";
    let most = maxRecords;
    if (pacer !== undefined) {
      most = pacer.allowance(maxRecords);
      if (most === 0) {
        pacer.wait();
        return "waiting";
      }
    }
    const end = Math.min(count, next + most * stride);
    try {
      while (next < end) {
        const goOn = output.emit(make(next));
        next += stride;
        if (!goOn) break;
      }
    } finally {
      pacer?.spend((next - this.next) / stride);
      this.next = next;
    }
    return next >= count ? "ended" : "more";
  }

  position(): number {
    return this.next;
  }

  close(): void {
    this.pacer?.cancel();
  }

  #check(index: number, uid: string): void {
    const { next, stride, count } = this;
    if (!Number.isSafeInteger(next) || next < 0 || next % stride !== index) {
      throw new SluiceError(
        "SOURCE_POSITION_INVALID",
        `source ${uid}: ${String(next)} is no position of split ${index}/${stride}: was the snapshot another source's?`,
      );
    }
    if (next >= count + stride) {
      throw new SluiceError(
        "SOURCE_POSITION_LOST",
        `source ${uid}: split ${index}/${stride} was read up to number ${next}, but there are only ${count} records ` +
          `now: give at least as many as before, or start without the snapshot`,
      );
    }
  }
}

function parse({ id }: Split, context: SourceContext): { readonly index: number; readonly stride: number } {
  const match = /^(\d{1,9})\/(\d{1,9})$/.exec(id);
  const index = Number(match?.[1]);
  const stride = Number(match?.[2]);
  if (match === null || index >= stride) {
    throw new SluiceError(
      "SOURCE_POSITION_INVALID",
      `source ${context.uid}: "${id}" is no split of this kind of source: was the snapshot another source's?`,
    );
  }
  return { index, stride };
}
