import { type Static, Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { job, planRestore, type ProcessDefinition, type RestorePlan, value } from "../../mod.ts";
import { HandSource } from "../scenarios/hand_source.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const upgrades = suite("upgrades");

const Order = Type.Object({ split: Type.String(), n: Type.Integer(), at: Type.Integer() });
type Order = Static<typeof Order>;
const WeighedOrder = Type.Composite([Order, Type.Object({ weight: Type.Integer({ default: 1 }) })]);
type WeighedOrder = Static<typeof WeighedOrder>;

const Total = Type.Object({ orders: Type.Integer() });
const WeighedTotal = Type.Object({ orders: Type.Integer(), weight: Type.Integer({ default: 100 }) });

/** Passes records on after a while, so that others wait before it and behind it. */
function paced<In, E extends typeof Order | typeof WeighedOrder>(
  stage: Stage,
  pace: { delayMs: number },
  emits: E,
  make: (record: In) => Static<E>,
): ProcessDefinition<In, Record<never, never>, E> {
  return {
    emits,
    async onRecord(record, ctx) {
      if (pace.delayMs > 0) await stage.sleep(pace.delayMs);
      if (!ctx.signal.aborted) ctx.emit(make(record) as never);
    },
  };
}

const keyOf = ({ split, n }: Order): string => `${split}${n % 5}`;

/** The job before, and after: one operator less, one more, a field more in state and records, another parallelism. */
function versions(stage: Stage) {
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<{ key: string; orders: number; weight?: number; label?: number }>();
  const audit = new WitnessSink<number>();
  const pace = { delayMs: 1 };
  const before = job("orders", (flow) => {
    const slow = flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", paced(stage, pace, Order, (order: Order) => order), { parallelism: 2 });
    slow.keyBy("key", keyOf)
      .process("total", {
        state: { total: value(Total, { orders: 0 }) },
        emits: Type.Object({ key: Type.String(), orders: Type.Integer() }),
        async onRecord(_, ctx) {
          if (pace.delayMs > 0) await stage.sleep(pace.delayMs);
          const orders = ctx.state.total.get().orders + 1;
          ctx.state.total.set({ orders });
          ctx.emit({ key: ctx.key, orders });
        },
      }, { parallelism: 2 })
      .to("out", sink, { parallelism: 2 });
    slow.keyBy("n", ({ n }) => n)
      .process("audit", {
        state: { seen: value(Type.Integer(), 0) },
        emits: Type.Integer(),
        async onRecord(_, ctx) {
          await stage.sleep(3);
          if (ctx.signal.aborted) return;
          ctx.state.seen.set(ctx.state.seen.get() + 1);
          ctx.emit(ctx.state.seen.get());
        },
      }, { parallelism: 1 })
      .to("audit out", audit);
  });
  const after = job("orders", (flow) => {
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", paced(stage, pace, WeighedOrder, (order: Order): WeighedOrder => ({ ...order, weight: 1 })), {
        parallelism: 3,
      })
      .keyBy("key", keyOf)
      .process("total", {
        state: { total: value(WeighedTotal, { orders: 0, weight: 100 }) },
        emits: Type.Object({ key: Type.String(), orders: Type.Integer(), weight: Type.Integer() }),
        onRecord(order, ctx) {
          const { orders, weight } = ctx.state.total.get();
          const total = { orders: orders + 1, weight: weight + order.weight };
          ctx.state.total.set(total);
          ctx.emit({ key: ctx.key, ...total });
        },
      }, { parallelism: 4 })
      .keyBy("key", ({ key }) => key)
      .process("label", {
        state: { labels: value(Type.Integer(), 0) },
        emits: Type.Object({ key: Type.String(), orders: Type.Integer(), weight: Type.Integer(), label: Type.Integer() }),
        onRecord(total, ctx) {
          const label = ctx.state.labels.get() + 1;
          ctx.state.labels.set(label);
          ctx.emit({ ...total, label });
        },
      }, { parallelism: 3 })
      .to("out", sink, { parallelism: 1 });
  });
  return { source, sink, audit, pace, before, after };
}

const options = { checkpoints: { mode: "unaligned" } } as const;

/** Takes an unaligned savepoint under backpressure, and kills the job behind it. */
async function takeSavepoint(stage: Stage, it: ReturnType<typeof versions>): Promise<void> {
  const run = await stage.start(it.before, options);
  it.source.give(120);
  await stage.until(() => it.sink.written.length >= 30 && it.audit.written.length >= 5, "some records");
  await stage.settle(run.savepoint("savepoint", { mode: "unaligned" }));
  stage.kill();
}

async function refusal(promise: Promise<unknown>): Promise<SluiceError> {
  const error: unknown = await promise.then(() => undefined, (error: unknown) => error);
  assert.instance(error, SluiceError);
  return error as SluiceError;
}

upgrades(
  "a savepoint taken unaligned under backpressure restores into a job with one operator added, one removed, one state field " +
    "added and the parallelism changed, with exact totals",
  async () => {
    const stage = new Stage();
    const it = versions(stage);
    await takeSavepoint(stage, it);

    // The dry run says what would be done, and what would not.
    const plan = await planRestore(it.after, { from: "savepoint", disk: stage.disk }) as RestorePlan;
    const edges = new Map(plan.edges.map((edge) => [edge.id, edge]));
    assert.ok((edges.get("in->slow")?.records ?? 0) > 0, "records were under way into slow");
    assert.ok((edges.get("slow->total")?.records ?? 0) > 0, "records were under way into total");
    assert.is(edges.get("slow->total")?.action, "converted");
    assert.ok((edges.get("slow->audit")?.records ?? 0) > 0, "records were under way into audit");
    assert.is(edges.get("slow->audit")?.action, "refused");
    const operators = new Map(plan.operators.map((operator) => [operator.uid, operator]));
    assert.equal(operators.get("total")?.states, [{ name: "total", action: "converted", note: "default of /weight" }]);
    assert.equal([operators.get("total")?.oldParallelism, operators.get("total")?.parallelism], [2, 4]);
    assert.is(operators.get("label")?.action, "starts empty");
    assert.is(operators.get("audit")?.action, "refused");

    // Refused as long as nobody says that audit may go: by uid and by edge.
    const refused = await refusal(stage.settle(stage.start(it.after, { ...options, from: "savepoint" })));
    assert.is(refused.code, "CHECKPOINT_MISMATCH");
    assert.match(refused.message, "state of operators that the job no longer has: audit, audit out");
    assert.match(refused.message, "records under way on edges that the job no longer has: slow->audit");
    for (const problem of plan.problems) assert.ok(refused.message.includes(problem), problem);

    const allowed = await planRestore(it.after, { from: "savepoint", disk: stage.disk, allowDropped: true }) as RestorePlan;
    assert.equal(allowed.problems, []);
    assert.is(allowed.warnings.length, 2);

    const run = await stage.start(it.after, { ...options, from: "savepoint", allowDropped: true });
    stage.assertRecovered();
    assert.equal(
      stage.of("warning").filter(({ code }) => code === "STATE_DROPPED").map(({ message }) => message),
      allowed.warnings,
    );
    it.source.give(30);
    it.pace.delayMs = 0;
    it.source.end();
    await stage.finish(run);

    const expected = new Map<string, number>();
    for (const name of it.source.records) {
      const [split, n] = name.split(".") as [string, string];
      const key = `${split}${Number(n) % 5}`;
      expected.set(key, (expected.get(key) ?? 0) + 1);
    }
    const results = it.sink.values;
    assert.is(results.length, it.source.records.length, "one result for each order");
    for (const [key, count] of expected) {
      const own = results.filter((result) => result.key === key).sort((a, b) => a.orders - b.orders);
      assert.equal(own.map(({ orders }) => orders), own.map((_, at) => at + 1), `every order of ${key} was counted once`);
      assert.is(own.at(-1)?.orders, count);
      const weighed = own.filter(({ weight }) => weight !== undefined);
      assert.ok(weighed.length > 0);
      assert.is(weighed.at(-1)?.weight, 100 + weighed.length, "the weight began at its default and grew by one for each");
      assert.equal(weighed.map(({ label }) => label).sort((a, b) => (a ?? 0) - (b ?? 0)), weighed.map((_, at) => at + 1));
    }
  },
);

upgrades.run();
