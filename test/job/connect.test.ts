/** Broadcast state, side outputs and partitioners of the user's own, through the typed API. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sink } from "../../mod.ts";
import { job, memorySink, memorySource, replicate, SluiceError, start, type, value } from "../../mod.ts";

const numbers = (count: number) => memorySource(Array.from({ length: count }, (_, n) => n));

const connect = suite("connect");

connect("every subtask gets every broadcast record once, beside a stream of another type, keyed or not", async () => {
  for (const keyed of [true, false]) {
    const replicas = memorySink<readonly string[]>();
    const out = memorySink<number>();
    const pipeline = job("connect", (flow) => {
      const rules = flow.from("rules", memorySource(["a", "b", "c"], { splits: 3 })).broadcast();
      const broadcastState = { rules: replicate(type<readonly string[]>(), []) };
      const sides = { replica: type<readonly string[]>() };
      const emits = type<number>();
      const main = flow.from("numbers", numbers(50));
      const ruled = keyed
        ? main.keyBy("n", (n) => n).connect(rules).process("ruled", {
          broadcastState,
          emits,
          sides,
          onBroadcast: (rule, ctx) => ctx.broadcast.rules.set([...ctx.broadcast.rules.get(), rule]),
          onRecord: (n, ctx) => ctx.emit(n),
          onEnd: (ctx) => ctx.side("replica", ctx.broadcast.rules.get().toSorted()),
        })
        : main.connect(rules).process("ruled", {
          broadcastState,
          emits,
          sides,
          onBroadcast: (rule, ctx) => ctx.broadcast.rules.set([...ctx.broadcast.rules.get(), rule]),
          onRecord: (n, ctx) => ctx.emit(n),
          onEnd: (ctx) => ctx.side("replica", ctx.broadcast.rules.get().toSorted()),
        });
      ruled.to("out", out);
      ruled.side("replica").to("replicas", replicas);
    });
    await (await start(pipeline, { parallelism: 3 })).finished;
    assert.equal(replicas.values, [["a", "b", "c"], ["a", "b", "c"], ["a", "b", "c"]]);
    assert.is(out.values.length, 50);
  }
});

connect("event time does not wait for a broadcast stream without it", async () => {
  const fired = memorySink<number>();
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  const pipeline = job("untimed", (flow) => {
    const slowRules = flow.from("rules", numbers(2)).process("hold", {
      emits: type<number>(),
      onRecord: async (n, ctx) => {
        await held;
        ctx.emit(n);
      },
    });
    flow.from("numbers", numbers(100)).watermarks((n) => n).keyBy("all", () => 0).connect(slowRules.broadcast())
      .process("timed", {
        state: { set: value(type<boolean>(), false) },
        broadcastState: { last: replicate(type<number>(), -1) },
        emits: type<number>(),
        onBroadcast: (n, ctx) => ctx.broadcast.last.set(n),
        onRecord(_, ctx) {
          if (!ctx.state.set.get()) ctx.timers.event(50);
          ctx.state.set.set(true);
        },
        onTimer({ at }, ctx) {
          ctx.emit(at);
          release(); // the broadcast stream comes to its end only after this
        },
      }).to("out", fired);
  });
  await (await start(pipeline)).finished;
  assert.equal(fired.values, [50]);
});

connect("only a broadcast stream can be connected, and state names are in one place", () => {
  const plain = () =>
    job("plain", (flow) => {
      const other = flow.from("other", numbers(1));
      flow.from("numbers", numbers(1)).connect(other as never).process("p", {
        broadcastState: {},
        emits: type<number>(),
        onBroadcast() {},
        onRecord() {},
      }).to("out", memorySink());
    });
  assert.throws(plain, (error: SluiceError) => error.code === "JOB_DEFINITION" && /broadcast\(\)/.test(error.message));
});

const sides = suite("side outputs");

sides("records of each kind go their own way, fused or over an edge", async () => {
  const odd = memorySink<string>();
  const even = memorySink<number>();
  const pipeline = job("sides", (flow) => {
    const split = flow.from("numbers", numbers(10)).process("split", {
      emits: type<number>(),
      sides: { odd: type<string>() },
      onRecord: (n, ctx) => n % 2 === 0 ? ctx.emit(n) : ctx.side("odd", `${n}`),
    });
    split.to("even", even);
    split.side("odd").rebalance().map((text) => `${text}!`).to("odd", odd);
  });
  await (await start(pipeline, { parallelism: 2 })).finished;
  assert.equal(even.values.toSorted(), [0, 2, 4, 6, 8]);
  assert.equal(odd.values.toSorted(), ["1!", "3!", "5!", "7!", "9!"]);
});

sides("one that is not declared is an error that names those that are", async () => {
  const pipeline = job("unknown", (flow) => {
    flow.from("numbers", numbers(1)).process("split", {
      emits: type<number>(),
      sides: { odd: type<number>() },
      onRecord: (n, ctx) => ctx.side("evne" as "odd", n),
    }).to("out", memorySink());
  });
  const failure = await (await start(pipeline)).finished.then(() => undefined, (error: unknown) => error as SluiceError);
  assert.match(String((failure?.cause as Error | undefined)?.message), /"evne", but declares odd/);
});

const partition = suite("partition");

partition("each record goes to the subtask that the function gives", async () => {
  const seen: (readonly [record: number, subtask: number])[] = [];
  const sink: Sink<number> = {
    kind: "subtasks",
    delivery: "at-least-once",
    open: ({ subtask }) => ({ write: (n) => void seen.push([n, subtask]), close() {} }),
  };
  const pipeline = job("partition", (flow) => {
    flow.from("numbers", numbers(30)).partition("third", (n, subtasks) => (n * 7 + 1) % subtasks).to("out", sink);
  });
  await (await start(pipeline, { parallelism: 3 })).finished;
  assert.is(seen.length, 30);
  for (const [n, subtask] of seen) assert.is(subtask, (n * 7 + 1) % 3);
});

for (const each of [connect, sides, partition]) each.run();
