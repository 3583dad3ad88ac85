import { type Static, Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { type Job, job, planRestore, type Stream, value } from "../../mod.ts";
import { HandSource } from "../scenarios/hand_source.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const inserted = suite("operators put into an edge with records under way");

const Order = Type.Object({ split: Type.String(), n: Type.Integer(), at: Type.Integer() });
type Order = Static<typeof Order>;

interface Total {
  readonly key: string;
  readonly n: number;
  readonly orders: number;
}

/** What is put between `slow` and `total`. */
type Insert = (slow: Stream<Order>) => Stream<Order>;

const keyOf = ({ split, n }: Order): string => `${split}${n % 5}`;
const numberOf = ({ n }: Order): number => n;

class Upgrade {
  readonly stage = new Stage();
  readonly source = new HandSource("a", "b");
  readonly sink = new WitnessSink<Total>();
  /** Records that an inserted operator has seen, as often as it has. */
  readonly checked: string[] = [];
  delayMs = 1;

  job(insert: Insert, parallelism = 2): Job {
    const pause = async (): Promise<void> => {
      if (this.delayMs > 0) await this.stage.sleep(this.delayMs);
    };
    return job("orders", (flow) => {
      const slow = flow.from("in", this.source, { parallelism: 2 }).keyBy("n", numberOf).process("slow", {
        emits: Order,
        async onRecord(order, ctx) {
          await pause();
          if (!ctx.signal.aborted) ctx.emit(order);
        },
      }, { parallelism });
      insert(slow).keyBy("key", keyOf).process("total", {
        state: { orders: value(Type.Integer(), 0) },
        emits: Type.Object({ key: Type.String(), n: Type.Integer(), orders: Type.Integer() }),
        async onRecord({ n }, ctx) {
          await pause();
          if (ctx.signal.aborted) return;
          const orders = ctx.state.orders.get() + 1;
          ctx.state.orders.set(orders);
          ctx.emit({ key: ctx.key, n, orders });
        },
      }, { parallelism }).to("out", this.sink, { parallelism: 1 });
    });
  }

  /** Passes records on, and says so. */
  check(uid: string) {
    return {
      emits: Order,
      onRecord: (order: Order, ctx: { emit(order: Order): void }): void => {
        this.checked.push(`${uid} ${order.split}.${order.n}`);
        ctx.emit(order);
      },
    };
  }

  async takeSavepoint(): Promise<void> {
    const { stage } = this;
    const run = await stage.start(this.job((slow) => slow), { checkpoints: { mode: "unaligned" } });
    this.source.give(80);
    await stage.until(() => this.sink.written.length >= 20, "some records");
    await stage.settle(run.savepoint("savepoint", { mode: "unaligned" }));
    stage.kill();
  }

  /** Runs the job to its end from the savepoint: every record is counted once. */
  async finish(after: Job): Promise<void> {
    const { stage, source } = this;
    const run = await stage.start(after, { checkpoints: { mode: "unaligned" }, from: "savepoint" });
    stage.assertRecovered();
    source.give(20);
    this.delayMs = 0;
    source.end();
    await stage.finish(run);
    const numbers = new Map<string, number[]>();
    for (const name of source.records) {
      const [split, n] = name.split(".") as [string, string];
      const key = `${split}${Number(n) % 5}`;
      numbers.set(key, [...numbers.get(key) ?? [], Number(n)]);
    }
    assert.is(this.sink.values.length, source.records.length, "one result for each order");
    for (const [key, own] of numbers) {
      const results = this.sink.values.filter((total) => total.key === key).sort((a, b) => a.orders - b.orders);
      assert.equal(results.map(({ orders }) => orders), own.map((_, at) => at + 1), `every order of ${key} was counted once`);
      assert.equal(results.map(({ n }) => n).sort((a, b) => a - b), own.sort((a, b) => a - b));
    }
  }
}

const ways: Readonly<Record<string, (it: Upgrade) => readonly [insert: Insert, edge: string, parallelism: number]>> = {
  "one after the other, in the tasks of their senders": (it) => [
    (slow) => slow.process("check", it.check("check")).process("again", it.check("again")),
    "slow->check",
    2,
  ],
  "one that is dealt out by another key, at another parallelism": (it) => [
    (slow) => slow.keyBy("n", numberOf).process("check", it.check("check"), { parallelism: 3 }),
    "slow->check",
    3,
  ],
  "one with fewer subtasks than its sender had": (it) => [
    (slow) => slow.process("check", it.check("check"), { parallelism: 1 }),
    "slow->check",
    2,
  ],
};

for (const [what, way] of Object.entries(ways)) {
  inserted(`take the records that were under way on it, once: ${what}`, async () => {
    const it = new Upgrade();
    await it.takeSavepoint();
    const [insert, home, parallelism] = way(it);
    const after = it.job(insert, parallelism);
    const plan = await planRestore(after, { from: "savepoint", disk: it.stage.disk });
    const edge = plan?.edges.find(({ id }) => id === "slow->total");
    assert.ok((edge?.records ?? 0) > 0, "records were under way into total");
    assert.equal([edge?.action, edge?.note], ["restored", `they go on edge ${home}`]);
    assert.equal(plan?.problems, []);
    await it.finish(after);
    const first = it.checked.filter((name) => name.startsWith("check "));
    assert.is(new Set(first).size, first.length, "none was checked twice");
    assert.ok(first.length >= (edge?.records ?? 0));
  });
}

inserted("have no say where two ways lead on: the edge is named, and nothing is guessed", async () => {
  const it = new Upgrade();
  await it.takeSavepoint();
  const after = it.job(
    (slow) => slow.process("check", it.check("check")).union(slow.process("other", it.check("other"))),
  );
  const plan = await planRestore(after, { from: "savepoint", disk: it.stage.disk });
  assert.match(plan?.problems.join() ?? "", "records under way on edges that the job no longer has: slow->total");
  const refused: unknown = await it.stage.settle(it.stage.start(after, { from: "savepoint" })).then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.instance(refused, SluiceError);
  assert.is((refused as SluiceError).code, "CHECKPOINT_MISMATCH");
});

inserted.run();
