import type { Timer } from "../../actors/clock.ts";
import type { Random } from "../../actors/random.ts";
import type { Source, SourceContext, SourceOutput, Split, SplitReader } from "../../runtime/graph/source.ts";
import type { SimRecord } from "./record.ts";

/** Bounded data by split, read at a pace drawn from chance: some records, then a pause. */
export class SimSource implements Source<SimRecord, number> {
  readonly kind = "simulated";
  readonly bounded = true;
  readonly data: ReadonlyMap<string, readonly SimRecord[]>;
  readonly #pauseMs: number;
  /** How many records were read, in all attempts. */
  read = 0;

  constructor(data: ReadonlyMap<string, readonly SimRecord[]>, pauseMs: number) {
    this.data = data;
    this.#pauseMs = pauseMs;
  }

  splits(): readonly Split[] {
    return [...this.data.keys()].map((id) => ({ id }));
  }

  open(split: Split, position: number | undefined, context: SourceContext): SplitReader<SimRecord, number> {
    return new SimReader(this, this.data.get(split.id) ?? [], position ?? 0, context, this.#pauseMs);
  }
}

class SimReader implements SplitReader<SimRecord, number> {
  readonly #source: SimSource;
  readonly #records: readonly SimRecord[];
  readonly #context: SourceContext;
  readonly #random: Random;
  readonly #pauseMs: number;
  #next: number;
  #left = 1;
  #pause: Timer | undefined;

  constructor(source: SimSource, records: readonly SimRecord[], next: number, context: SourceContext, pauseMs: number) {
    this.#source = source;
    this.#records = records;
    this.#next = next;
    this.#context = context;
    this.#random = context.random.fork(`pace ${next}`);
    this.#pauseMs = pauseMs;
  }

  poll(output: SourceOutput<SimRecord>, maxRecords: number) {
    for (let i = 0; i < maxRecords; i++) {
      if (this.#next === this.#records.length) return "ended";
      if (this.#left === 0) {
        this.#left = 1 + this.#random.int(6);
        this.#pause?.cancel(); // another split's reader may have woken this one before its time
        this.#pause = this.#context.clock.setTimer(this.#random.next() * this.#pauseMs, () => this.#context.wake());
        return "waiting";
      }
      this.#left--;
      this.#source.read++;
      const record = this.#records[this.#next++] as SimRecord;
      if (!output.emitAt(record, record.at)) return "more";
    }
    return "more";
  }

  position(): number {
    return this.#next;
  }

  close(): void {
    this.#pause?.cancel();
  }
}
