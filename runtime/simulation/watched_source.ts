import type { Timer } from "../../actors/clock.ts";
import type { Random } from "../../actors/random.ts";
import type { PollResult, Source, SourceContext, SourceOutput, SplitReader } from "../graph/source.ts";
import type { Exceptions } from "./exceptions.ts";

/** How fast sources read: up to so many records, then a pause of up to so long. */
export interface Pace {
  readonly burst: number;
  readonly pauseMs: number;
}

/** What all watched sources of a run count. */
export interface SourceCounts {
  /** Records read, in all attempts. */
  read: number;
}

/**
 * A source that reads what the given one does, at a pace drawn from chance, so that even a small job lasts long enough for much
 * to happen in it; and throws where it is told to.
 */
export function watchedSource(
  source: Source<unknown>,
  uid: string,
  { pace, exceptions, counts }: { readonly pace: Pace; readonly exceptions: Exceptions; readonly counts: SourceCounts },
): Source<unknown> {
  return {
    kind: source.kind,
    bounded: source.bounded,
    splits: (context, known) => source.splits(context, known),
    async open(split, position, context) {
      const reader = await source.open(split, position, context);
      const random = context.random.fork(`pace of ${split.id}`);
      return new PacedReader(reader, { uid, pace, exceptions, counts, context, random });
    },
  };
}

class PacedReader implements SplitReader<unknown> {
  readonly #reader: SplitReader<unknown>;
  readonly #uid: string;
  readonly #pace: Pace;
  readonly #exceptions: Exceptions;
  readonly #counts: SourceCounts;
  readonly #context: SourceContext;
  readonly #random: Random;
  readonly #output: CountingOutput = new CountingOutput();
  #left: number;
  #pause: Timer | undefined;

  constructor(reader: SplitReader<unknown>, watch: {
    readonly uid: string;
    readonly pace: Pace;
    readonly exceptions: Exceptions;
    readonly counts: SourceCounts;
    readonly context: SourceContext;
    readonly random: Random;
  }) {
    this.#reader = reader;
    this.#uid = watch.uid;
    this.#pace = watch.pace;
    this.#exceptions = watch.exceptions;
    this.#counts = watch.counts;
    this.#context = watch.context;
    this.#random = watch.random;
    this.#left = this.#burst();
  }

  poll(output: SourceOutput<unknown>, maxRecords: number): PollResult {
    this.#exceptions.strike(this.#uid, "poll");
    if (this.#pause !== undefined) return "waiting";
    const counting = this.#output;
    counting.begin(output);
    const result = this.#reader.poll(counting, Math.min(maxRecords, this.#left));
    this.#counts.read += counting.taken;
    this.#left -= counting.taken;
    if (result !== "more" || this.#left > 0) return result;
    this.#left = this.#burst();
    this.#pause = this.#context.clock.setTimer(this.#random.next() * this.#pace.pauseMs, () => {
      this.#pause = undefined;
      this.#context.wake();
    });
    return "waiting";
  }

  position(): unknown {
    return this.#reader.position();
  }

  close(): void | Promise<void> {
    this.#pause?.cancel();
    return this.#reader.close();
  }

  #burst(): number {
    return this.#pace.burst === Infinity ? Infinity : 1 + this.#random.int(this.#pace.burst);
  }
}

/** Passes records on, and counts them. */
class CountingOutput implements SourceOutput<unknown> {
  taken = 0;
  #output: SourceOutput<unknown> | undefined;

  begin(output: SourceOutput<unknown>): void {
    this.taken = 0;
    this.#output = output;
  }

  emit(value: unknown): boolean {
    this.taken++;
    return this.#output?.emit(value) ?? false;
  }

  emitAt(value: unknown, timestamp: number): boolean {
    this.taken++;
    return this.#output?.emitAt(value, timestamp) ?? false;
  }
}
