import { forEach, generate, type Job, job, type, value } from "../../mod.ts";
import { type BenchEvent, finalize, makeEvent, mapEvent } from "./event.ts";

/** What a side of keyed-count came to, so that both can be seen to have computed the same. */
export interface CountResult {
  records: number;
  /** The sum over all results seen at the sink: the same for every order of records. */
  counted: number;
}

export function newCount(): CountResult {
  return { records: 0, counted: 0 };
}

interface Total {
  count: number;
  sum: number;
}

/** keyed-count: source → map → keyBy(key) → running count and sum → counting sink; every operator with so many subtasks. */
export function keyedCountJob(
  records: number,
  result: CountResult,
  make: (n: number) => BenchEvent = makeEvent,
  parallelism = 2,
): Job {
  return job("keyed-count", (flow) => {
    flow.from("events", generate({ count: records, splits: parallelism, make }))
      .map(mapEvent)
      .keyBy("key", (event) => event.key)
      .process("count", {
        state: { total: value(type<Total>(), { count: 0, sum: 0 }) },
        emits: type<number>(),
        onRecord(event, ctx) {
          ctx.emit(ctx.state.total.mutate((total) => {
            total.sum += event.value;
            return ++total.count;
          }));
        },
      })
      .to(
        "sink",
        forEach((count) => {
          result.records++;
          result.counted += count;
        }),
      );
  }, { parallelism });
}

/** The same generator, map, hash and `Map` update in a bare loop: no frames, no partitions, no recovery. */
export function keyedCountLoop(records: number, result: CountResult): void {
  const totals = new Map<number, Total>();
  let owners = 0;
  for (let n = 0; n < records; n++) {
    const event = mapEvent(makeEvent(n));
    owners += finalize(event.key) & 1;
    let total = totals.get(event.key);
    if (total === undefined) totals.set(event.key, total = { count: 0, sum: 0 });
    total.count++;
    total.sum += event.value;
    result.records++;
    result.counted += total.count;
  }
  if (owners < 0) throw new Error("the hash must be used");
}

const frameRecords = 128;
const keyGroups = 128;

/** The loop with two partitions, frames and a `Map` for each key group: what any engine that has these must do. */
export function keyedCountFrames(records: number, result: CountResult): void {
  const totals = Array.from({ length: keyGroups }, () => new Map<number, Total>());
  const open = [0, 1].map(() => ({
    count: 0,
    values: new Array<BenchEvent>(frameRecords),
    groups: new Array<number>(frameRecords),
  }));
  const process = (values: readonly BenchEvent[], groups: readonly number[], count: number) => {
    for (let at = 0; at < count; at++) {
      const event = values[at] as BenchEvent;
      const ofGroup = totals[groups[at] as number] as Map<number, Total>;
      let total = ofGroup.get(event.key);
      if (total === undefined) ofGroup.set(event.key, total = { count: 0, sum: 0 });
      total.count++;
      total.sum += event.value;
      result.records++;
      result.counted += total.count;
    }
  };
  for (let n = 0; n < records; n++) {
    const event = mapEvent(makeEvent(n));
    const group = Math.floor(finalize(event.key) * keyGroups / 2 ** 32);
    const frame = open[group >> 6] as (typeof open)[number];
    frame.values[frame.count] = event;
    frame.groups[frame.count] = group;
    if (++frame.count < frameRecords) continue;
    process(frame.values, frame.groups, frameRecords);
    frame.values = new Array<BenchEvent>(frameRecords);
    frame.groups = new Array<number>(frameRecords);
    frame.count = 0;
  }
  for (const { values, groups, count } of open) process(values, groups, count);
}
