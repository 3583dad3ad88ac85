import type { Disk } from "../../actors/disk.ts";
import type { LogEntry } from "../../actors/logger.ts";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import type { SinkContext } from "../../runtime/graph/sink.ts";
import type { PollResult, Source, SourceContext, Split, SplitReader } from "../../runtime/graph/source.ts";

/** What a connector sees of the runtime, in virtual time, with what it told the runtime. */
export class ConnectorWorld {
  readonly clock = new VirtualClock();
  readonly disk: Disk;
  readonly log: LogEntry[] = [];
  readonly counts = new Map<string, number>();
  readonly stop = new AbortController();
  wakes = 0;
  #woken = true;

  readonly #pass: () => Promise<void>;

  /** `pass` lets work that takes real time go on: of sockets, say. */
  constructor(makeDisk: (clock: VirtualClock) => Disk = () => new SimulatedDisk(), pass: () => Promise<void> = settled) {
    this.disk = makeDisk(this.clock);
    this.#pass = pass;
  }

  source(overrides: Partial<SourceContext> = {}): SourceContext {
    return {
      uid: "in",
      subtask: 0,
      parallelism: 1,
      clock: this.clock,
      disk: this.disk,
      random: new SeededRandom(1),
      log: (entry) => void this.log.push(entry),
      signal: this.stop.signal,
      wake: () => {
        this.wakes++;
        this.#woken = true;
      },
      fail: (error) => {
        throw error;
      },
      count: (name, by) => void this.counts.set(name, (this.counts.get(name) ?? 0) + by),
      ...overrides,
    };
  }

  sink(overrides: Partial<SinkContext> = {}): SinkContext {
    return {
      job: "a job/1",
      life: "life",
      uid: "out",
      subtask: 0,
      parallelism: 1,
      attempt: 1,
      clock: this.clock,
      disk: this.disk,
      log: (entry) => void this.log.push(entry),
      signal: this.stop.signal,
      ...overrides,
    };
  }

  /** Polls once; after `waiting`, lets time pass until the reader wakes the source. */
  async poll<T>(reader: SplitReader<T>, emit: (value: T) => boolean, maxRecords: number): Promise<PollResult> {
    this.#woken = false;
    const result = reader.poll({ emit, emitAt: emit }, maxRecords);
    if (result === "waiting") await this.woken();
    return result;
  }

  /** Lets time pass until `wake` has been called. */
  async woken(): Promise<void> {
    await this.#until(() => this.#woken);
  }

  /** Lets time pass until the work has settled. */
  async done<V>(work: V | PromiseLike<V>): Promise<V> {
    let over = false;
    const result = (async () => await work)().finally(() => over = true);
    result.catch(() => {});
    await this.#until(() => over);
    return result;
  }

  async #until(reached: () => boolean): Promise<void> {
    for (let turns = 0; !reached(); turns++) {
      if (turns > 100_000) throw new Error("something is waited for that does not come");
      await this.#pass();
      if (!reached()) this.clock.runNext();
    }
  }
}

/** One record, and where the reader was when it had been emitted: what a snapshot there would hold. */
export interface Read<T> {
  readonly value: T;
  readonly position: unknown;
}

/** A value as it is after it was in a snapshot. */
export function throughSnapshot<V>(value: V): V {
  const decoded = decodeValue(encodeValue(value));
  if (decoded.kind !== "value") throw new Error("the value does not come back");
  return decoded.value as V;
}

/** Reads a split from a position to its end, `maxRecords` a poll. */
export async function readSplit<T>(
  world: ConnectorWorld,
  source: Source<T>,
  split: Split,
  options: { readonly position?: unknown; readonly maxRecords?: number; readonly context?: SourceContext } = {},
): Promise<Read<T>[]> {
  const reader = await world.done(source.open(split, options.position, options.context ?? world.source()));
  const reads: Read<T>[] = [];
  try {
    for (;;) {
      const fresh: T[] = [];
      const result = await world.poll(reader, (value) => fresh.push(value) > 0, options.maxRecords ?? 1);
      fresh.forEach((value) => reads.push({ value, position: throughSnapshot(reader.position()) }));
      if (result === "ended") return reads;
    }
  } finally {
    await world.done(reader.close());
  }
}

/** Reads all splits, one after the other. */
export async function readAll<T>(world: ConnectorWorld, source: Source<T>, context = world.source()): Promise<T[]> {
  const values: T[] = [];
  for (const split of await world.done(source.splits(context))) {
    for (const { value } of await readSplit(world, source, split, { maxRecords: 64, context })) values.push(value);
  }
  return values;
}

/** Writes a file with the text. */
export async function writeFile(disk: Disk, path: string, content: string | Uint8Array): Promise<void> {
  const writer = await disk.openWrite(path);
  await writer.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
  await writer.close();
}
