/** Jobs to be simulated: a sound one, and some that break a rule each. */
import {
  count,
  generate,
  type Job,
  job,
  jsonlSink,
  jsonlSource,
  memorySink,
  memorySource,
  type Sink,
  type Source,
} from "../../mod.ts";
import type { JobWorld } from "../../runtime/simulation/mod.ts";

export const words = Array.from({ length: 60 }, (_, n) => `w${(n * 7) % 11}`);

/** Counts words; nothing is wrong with it. */
export function sound(sink: Sink<{ key: string; value: number }> = memorySink()): Job {
  return job("sound", (flow) => {
    flow.from("words", memorySource(words, { splits: 2 })).keyBy("word", (word) => word).aggregate("count", count()).to(
      "out",
      sink,
    );
  });
}

/** From a file, into files. */
export function files(): Job {
  return job("files", (flow) => {
    flow.from("words", jsonlSource<string>("/in/words.jsonl"))
      .keyBy("word", (word) => word)
      .aggregate("count", count())
      .to("out", jsonlSink("/out"));
  });
}

/** Says that its sink is transactional, and writes at once. */
export function hasty({ outside }: JobWorld): Job {
  const table = outside<number[]>("table", () => []);
  const sink: Sink<number> = {
    kind: "hasty",
    delivery: "transactional",
    open: () => ({ write: (n) => void table.push(n), prepare: () => undefined, commit() {}, close() {} }),
  };
  return job("hasty", (flow) => void flow.from("n", generate({ count: 40, make: (n) => n })).to("out", sink));
}

/** Commits twice what it is told twice. */
export function repeating({ outside }: JobWorld): Job {
  const table = outside<number[]>("table", () => []);
  const sink: Sink<number> = {
    kind: "repeating",
    delivery: "transactional",
    open() {
      let open: number[] = [];
      return {
        write: (n) => void open.push(n),
        prepare() {
          const prepared = open;
          open = [];
          return prepared;
        },
        commit: (committables) => void table.push(...committables.flatMap(({ content }) => content as number[])),
        close() {},
      };
    },
  };
  return job("repeating", (flow) => void flow.from("n", generate({ count: 40, make: (n) => n })).to("out", sink));
}

/** Counts in a variable, which no checkpoint holds. */
export function forgetful(): Job {
  let total = 0;
  return job("forgetful", (flow) => {
    flow.from("n", generate({ count: 40, make: (n) => n })).map((n) => ({ n, total: total += 1 })).to("out", memorySink());
  }, { parallelism: 1 });
}

/** Its source begins at the beginning whenever it is opened. */
export function deaf(): Job {
  const inner = memorySource(words);
  const source: Source<string> = { ...inner, open: (split, _position, context) => inner.open(split, undefined, context) };
  return job("deaf", (flow) => void flow.from("words", source).to("out", memorySink()));
}

/** Waits for what never comes. */
export function foreign(): Job {
  const never = new Promise<void>(() => {});
  const sink: Sink<number> = {
    kind: "foreign",
    delivery: "at-least-once",
    open: () => ({ write: (n) => (n === 7 ? never : undefined), close() {} }),
  };
  return job("foreign", (flow) => void flow.from("n", generate({ count: 10, make: (n) => n })).to("out", sink));
}
