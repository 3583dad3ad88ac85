/** Jobs for rescaling, one for each way of dealing records out, and what must come of them. */
import * as assert from "uvu/assert";
import { type Job, job, map, memorySink, memorySource, replicate, type Stream, type, value } from "../../mod.ts";
import type { Stage } from "../scenarios/stage.ts";

/** `n` is unique; within a key `place` counts up, and all records of a key are in one split. */
export interface Parcel {
  readonly n: number;
  readonly key: number;
  readonly place: number;
}

/** What left the job. `times`: how often keyed state had seen it; `late`: it came after a later one of its key. */
export interface Seen extends Parcel {
  readonly times: number;
  readonly late: boolean;
}

/** A job to be rescaled, and its verdict over what became visible. */
export interface RescaleJob {
  readonly job: Job;
  judge(): void;
}

const splits = 5;
const keys = 30;

export function parcels(count: number): Parcel[] {
  return Array.from({ length: count }, (_, n) => {
    const key = (n % splits) + splits * (Math.floor(n / splits) % (keys / splits));
    return { n, key, place: Math.floor(n / keys) };
  });
}

/** The ways of dealing out that have a row in the matrix. */
export const ways = ["keyed", "rebalance", "forward", "custom", "broadcast", "mixed"] as const;

export type Way = (typeof ways)[number];

/** The job of one way. Its operators run at the parallelism of the run. */
export function rescaleJob(stage: Stage, way: Way, count: number): RescaleJob {
  const sink = memorySink<Seen>();
  const replicas = memorySink<readonly number[]>();
  const rules = Array.from({ length: 40 }, (_, rule) => rule);
  const pipeline = job(`${way}`, (flow) => {
    const from = flow.from("in", memorySource(parcels(count), { splits }));
    const end = (stream: Stream<Seen>) => stream.to("out", sink);
    switch (way) {
      case "keyed":
        return end(counted(stage, from, 1));
      case "rebalance":
        return end(plain(stage, from.rebalance(), "work"));
      case "forward":
        return end(plain(stage, from, "work"));
      case "custom":
        return end(ordered(stage, from.partition("key", ({ key }, subtasks) => (key * 7 + 3) % subtasks)));
      case "broadcast":
        return ruled(stage, from, flow.from("rules", memorySource(rules, { splits: 3 })), replicas).to("out", sink);
      case "mixed": {
        // forward below a keyed operator, two edges between the same two, custom and rebalance
        const keyed = counted(stage, from, 0.5);
        const below = plain(stage, keyed, "below");
        const twice = below.keyBy("key", ({ key }) => key).process("twice", passOn());
        const half = twice.partition("n", ({ n }, subtasks) => n % subtasks).filter(({ n }) => n % 2 === 0);
        const other = twice.filter(({ n }) => n % 2 !== 0).rebalance();
        return end(plain(stage, half.union(other), "last"));
      }
    }
  });
  const judge = () => {
    const all = parcels(count);
    assert.equal(sink.values.map(({ n }) => n).toSorted((a, b) => a - b), all.map(({ n }) => n), "lost or repeated");
    assert.equal(sink.values.filter(({ times }) => times !== 1), [], "state has seen a record twice, or forgotten one");
    assert.equal(sink.values.filter(({ late }) => late), [], "records of a key changed places");
    if (way !== "broadcast") return;
    assert.ok(replicas.values.length > 0);
    for (const replica of replicas.values) assert.equal(replica, rules, "a replica lost or repeated a broadcast record");
  };
  return { job: pipeline, judge };
}

/** Slow, with state by key: how often each record came, and the last of each key. */
function counted<T extends Parcel>(stage: Stage, stream: Stream<T, false>, delayMs: number): Stream<Seen, false> {
  return stream.keyBy("key", ({ key }) => key).process("count", {
    state: { times: map(type<number>(), type<number>()), last: value(type<number>(), -1) },
    emits: type<Seen>(),
    onRecord(parcel, ctx) {
      const times = (ctx.state.times.get(parcel.n) ?? 0) + 1;
      ctx.state.times.set(parcel.n, times);
      const late = parcel.place <= ctx.state.last.get();
      ctx.state.last.set(parcel.place);
      ctx.emit({ ...parcel, times, late });
      return stage.sleep(delayMs);
    },
  });
}

function plain<T extends Parcel>(stage: Stage, stream: Stream<T, false>, uid: string): Stream<Seen, false> {
  return stream.process(uid, {
    emits: type<Seen>(),
    onRecord(parcel, ctx) {
      ctx.emit({ times: 1, late: false, ...parcel });
      return stage.sleep(1);
    },
  });
}

/** Sees the order of each key at one place, in the order of arrival: then at the keyed operator behind it. */
function ordered(stage: Stage, stream: Stream<Parcel, false>): Stream<Seen, false> {
  return counted(stage, plain(stage, stream, "work"), 0);
}

function passOn() {
  return {
    emits: type<Seen>(),
    onRecord(record: Seen, ctx: { emit(record: Seen): void }) {
      ctx.emit(record);
    },
  };
}

/** Broadcast records are counted by every replica; at the end each tells what it has. */
function ruled(
  stage: Stage,
  stream: Stream<Parcel, false>,
  rules: Stream<number, false>,
  replicas: ReturnType<typeof memorySink<readonly number[]>>,
): Stream<Seen, false> {
  const out = stream.keyBy("key", ({ key }) => key).connect(rules.broadcast()).process("ruled", {
    state: { times: map(type<number>(), type<number>()) },
    broadcastState: { seen: replicate(type<readonly number[]>(), []) },
    emits: type<Seen>(),
    sides: { replica: type<readonly number[]>() },
    onBroadcast(rule, ctx) {
      ctx.broadcast.seen.set([...ctx.broadcast.seen.get(), rule]);
    },
    onRecord(parcel, ctx) {
      const times = (ctx.state.times.get(parcel.n) ?? 0) + 1;
      ctx.state.times.set(parcel.n, times);
      ctx.emit({ ...parcel, times, late: false });
      return stage.sleep(1);
    },
    onEnd(ctx) {
      ctx.side("replica", ctx.broadcast.seen.get().toSorted((a, b) => a - b));
    },
  });
  out.side("replica").to("replicas", replicas);
  return out;
}
