import { forEach, generate, type Job, job, type, value } from "../mod.ts";
import { finalize, makeEvent, mapEvent } from "./event.ts";

/** What a side of keyed-count came to, so that both can be seen to have computed the same. */
export interface CountResult {
  records: number;
  /** The sum over all results seen at the sink: the same for every order of records. */
  counted: number;
}

interface Total {
  count: number;
  sum: number;
}

/** keyed-count: source → map → keyBy(key) → running count and sum → counting sink; every operator with two subtasks. */
export function keyedCountJob(records: number, result: CountResult): Job {
  return job("keyed-count", (flow) => {
    flow.from("events", generate({ count: records, splits: 2, make: makeEvent }))
      .map(mapEvent)
      .keyBy("key", (event) => event.key)
      .process("count", {
        state: { total: value(type<Total>(), { count: 0, sum: 0 }) },
        emits: type<number>(),
        onRecord(event, ctx) {
          let count = 0;
          ctx.state.total.mutate((total) => {
            count = ++total.count;
            total.sum += event.value;
          });
          ctx.emit(count);
        },
      })
      .to(
        "sink",
        forEach((count) => {
          result.records++;
          result.counted += count;
        }),
      );
  }, { parallelism: 2 });
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
