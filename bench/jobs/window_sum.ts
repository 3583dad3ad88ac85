import { type Aggregate, forEach, generate, type Job, job, minutes, tumbling } from "../../mod.ts";
import { type BenchEvent, finalize, firstMs, makeEvent, mapEvent } from "./event.ts";

/** What a side of the window workload came to. */
export interface WindowResults {
  windows: number;
  /** The sum over the counts of all windows: every record once, unless one was late. */
  counted: number;
  /** The sum over the sums of all windows. */
  summed: number;
  /** The end of the latest window. */
  lastEnd: number;
}

export function newResults(): WindowResults {
  return { windows: 0, counted: 0, summed: 0, lastEnd: 0 };
}

const outOfOrderMs = 5_000;
const minuteMs = 60_000;

/** 10,000 events a second of event time, each up to five seconds late. */
export function makeTimedEvent(n: number): BenchEvent {
  const { key, seq, value, payload } = makeEvent(n);
  return { key, seq, ts: timeOf(n), value, payload };
}

/** The event time of record `n`. */
export function timeOf(n: number): number {
  return firstMs + Math.floor(n / 10) - (finalize(n) >>> 10) % outOfOrderMs;
}

/** The end of the window of an event time. */
export function endOf(ts: number): number {
  return ts - ts % minuteMs + minuteMs;
}

interface CountAndSum {
  count: number;
  sum: number;
}

const countAndSum: Aggregate<BenchEvent, CountAndSum, CountAndSum> = {
  kind: "count and sum",
  create: () => ({ count: 0, sum: 0 }),
  add(total, event) {
    total.count++;
    total.sum += event.value;
    return total;
  },
  result: ({ count, sum }) => ({ count, sum }),
};

/** source → watermarks → map → keyBy(key) → tumbling minutes → count and sum → counting sink; parallelism 2. */
export function windowJob(
  records: number,
  results: WindowResults,
  make: (n: number) => BenchEvent = makeTimedEvent,
): Job {
  return job("window", (flow) => {
    flow.from("events", generate({ count: records, splits: 2, make }))
      .watermarks((event) => event.ts, { outOfOrderMs })
      .map(mapEvent)
      .keyBy("key", (event) => event.key)
      .window(tumbling(minutes(1)))
      .aggregate("sums", countAndSum)
      .to(
        "sink",
        forEach(({ value, end }) => {
          results.windows++;
          results.counted += value.count;
          results.summed += value.sum;
          if (end > results.lastEnd) results.lastEnd = end;
        }),
      );
  }, { parallelism: 2 });
}

/** The same in a bare loop: a window is closed when event time has passed its end. */
export function windowLoop(records: number, results: WindowResults): void {
  const open = new Map<number, Map<number, CountAndSum>>();
  const close = (upTo: number) => {
    for (const [end, totals] of open) {
      if (end > upTo) continue;
      open.delete(end);
      for (const { count, sum } of totals.values()) {
        results.windows++;
        results.counted += count;
        results.summed += sum;
      }
    }
  };
  let latest = -Infinity;
  for (let n = 0; n < records; n++) {
    const event = mapEvent(makeTimedEvent(n));
    const end = endOf(event.ts);
    let totals = open.get(end);
    if (totals === undefined) open.set(end, totals = new Map());
    let total = totals.get(event.key);
    if (total === undefined) totals.set(event.key, total = countAndSum.create());
    countAndSum.add(total, event);
    if (event.ts <= latest) continue;
    latest = event.ts;
    if (n % 1_024 === 0) close(latest - outOfOrderMs);
  }
  close(Infinity);
}
