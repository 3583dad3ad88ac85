import { forEach, generate, type Job, job, type, value } from "../../mod.ts";
import { type BenchEvent, finalize, makeEvent } from "./event.ts";

/** The generator's key of record `n`, with another number of keys. */
export function keyOf(n: number, keys: number): number {
  return finalize(n) % keys;
}

interface Total {
  readonly key: number;
  count: number;
  sum: number;
}

/** What a recovery job is made of. */
export interface RecoveryParts {
  readonly keys: number;
  readonly records: number;
  /** Called with every record before it is counted: may throw. */
  readonly onRecord: (n: number) => void;
  /** Called with the running total of a key after each of its records. */
  readonly onTotal: (total: Readonly<Total>) => void;
}

/** keyed-count with a map that can throw, over any number of keys. */
export function recoveryJob({ keys, records, onRecord, onTotal }: RecoveryParts): Job {
  return job("recovery", (flow) => {
    flow.from("events", generate({ count: records, splits: 2, make: (n) => ({ ...makeEvent(n), key: keyOf(n, keys) }) }))
      .map((event: BenchEvent) => {
        onRecord(event.seq);
        return event;
      })
      .keyBy("key", (event) => event.key)
      .process("count", {
        state: { total: value(type<Total | undefined>(), undefined) },
        emits: type<Total>(),
        onRecord(event, ctx) {
          const { count, sum } = ctx.state.total.get() ?? { count: 0, sum: 0 };
          const total: Total = { key: event.key, count: count + 1, sum: sum + event.value };
          ctx.state.total.set(total);
          ctx.emit(total);
        },
      })
      .to("sink", forEach(onTotal));
  }, { parallelism: 2 });
}

/** The sum over all keys of (key + 1) · (count + sum), by replaying the generator: the same in every engine. */
export function expectedChecksum(keys: number, records: number): number {
  let checksum = 0;
  for (let n = 0; n < records; n++) checksum += (keyOf(n, keys) + 1) * (1 + (finalize(n) & 1_023));
  return checksum;
}
