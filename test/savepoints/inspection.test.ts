import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import {
  inspect,
  type InspectedEntry,
  type Inspection,
  job,
  list,
  map,
  replicate,
  split,
  sum,
  tumbling,
  type,
  value,
} from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const inspection = suite("the inspector");

/** A job with every kind of state, timers, windows, and records that wait. */
function everything(stage: Stage) {
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<unknown>();
  const pace = { delayMs: 0.2 };
  const of = job("everything", (flow) => {
    const records = flow.from("in", source, { parallelism: 2 }).watermarks(({ at }: Numbered) => at);
    records.keyBy("split", ({ split }: Numbered) => split)
      .process("keyed", {
        state: {
          last: value(Type.Integer(), -1),
          all: list(Type.Integer()),
          byRest: map(Type.Integer(), Type.Object({ seen: Type.Integer() })),
          gone: value(type<number>(), 0),
          brief: value(type<number>(), 0, { ttlMs: 1_000_000 }),
        },
        emits: type<Numbered>(),
        onRecord(record, ctx) {
          const { n, at } = record;
          ctx.state.last.set(n);
          ctx.state.all.add(n);
          const seen = ctx.state.byRest.get(n % 3)?.seen ?? 0;
          ctx.state.byRest.set(n % 3, { seen: seen + 1 });
          if (n % 2 === 0) ctx.state.gone.set(n);
          else ctx.state.gone.clear();
          ctx.state.brief.set(n);
          ctx.timers.event(at + 1_000_000, "later");
          ctx.emit(record);
        },
        onTimer() {},
      }, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, pace), { parallelism: 2 })
      .to("out", sink as WitnessSink<Numbered>, { parallelism: 1 });
    records.keyBy("split", ({ split }: Numbered) => split)
      .window(tumbling(100))
      .aggregate("windows", sum(({ n }: Numbered) => n))
      .to("windows out", sink);
    records.rebalance()
      .process("plain", {
        state: { items: split(Type.Integer()), version: replicate(Type.String(), "v0") },
        emits: type<string>(),
        onRecord(record, ctx) {
          ctx.state.items.add(record.n);
          ctx.emit(nameOf(record));
        },
      }, { parallelism: 2 })
      .to("plain out", sink as WitnessSink<string>);
  });
  return { job: of, source, sink, pace };
}

async function entriesOf(of: Inspection, uid: string): Promise<InspectedEntry[]> {
  const entries: InspectedEntry[] = [];
  for await (const entry of of.entries(uid)) entries.push(entry);
  return entries;
}

for (const baseEvery of [1, 10]) {
  const how = baseEvery === 1 ? "whole checkpoints" : "layers over earlier checkpoints";
  inspection(`shows state by operator and key, records by channel, and positions: from ${how}`, async () => {
    const stage = new Stage();
    const it = everything(stage);
    const run = await stage.start(it.job, { checkpoints: { mode: "unaligned", baseEvery, retain: 10 } });
    for (let round = 0; round < 3; round++) {
      it.source.give(7);
      await stage.until(() => it.sink.written.length >= 28 * round + 10, "some records");
      await stage.settle(run.checkpoint());
    }
    it.source.give(6);
    await stage.until(() => it.sink.written.length >= 80, "some more records");
    it.pace.delayMs = 5;
    it.source.give(10);
    await stage.advance(4);
    const id = await stage.settle(run.savepoint("savepoint"));
    stage.kill();

    const seen = await inspect("savepoint", { disk: stage.disk });
    assert.equal([seen.checkpoint, seen.job, seen.mode, seen.final], [id, "everything", "unaligned", false]);
    assert.equal(
      seen.operators.filter(({ uid }) => ["in", "keyed", "slow", "plain"].includes(uid)).map((
        { uid, parallelism },
      ) => [uid, parallelism])
        .sort(),
      [["in", 2], ["keyed", 2], ["plain", 2], ["slow", 2]],
    );

    // Positions, records under way and state tell the same story.
    const positions = new Map(seen.positions.map(({ split, position }) => [split, position as number]));
    const keyed = await entriesOf(seen, "keyed");
    const underWay = [...seen.records()];
    assert.is(underWay.length, seen.channels.reduce((sum, { records }) => sum + records, 0));
    assert.ok(underWay.length > 0, "nothing was under way");
    for (const name of ["a", "b"]) {
      const of = (state: string) => keyed.find((entry) => entry.state === state && entry.key === name);
      const all = of("all")?.value as number[];
      assert.equal(all, all.map((_, n) => n), "in order, from the first");
      const last = all.length - 1;
      assert.is(of("last")?.value, last);
      assert.is(of("gone")?.value, last % 2 === 0 ? last : undefined);
      const byRest = of("byRest")?.value as Map<number, { seen: number }>;
      assert.equal(
        [0, 1, 2].map((rest) => byRest.get(rest)?.seen),
        [0, 1, 2].map((rest) => all.filter((n) => n % 3 === rest).length),
      );
      assert.ok((of("brief")?.expiresAt ?? 0) > 0);
      assert.is(of("last")?.expiresAt, undefined);
      const timers = keyed.filter(({ kind, key }) => kind === "timers" && key === name);
      assert.equal(timers.map((timer) => timer.value).sort(), all.map((n) => ({ at: n * 10 + 1_000_000, name: "later" })).sort());
      const behind = underWay.filter(({ edge, value }) => edge === "keyed->slow" && (value as Numbered).split === name)
        .map(({ value }) => (value as Numbered).n);
      assert.ok(behind.length > 0, "nothing waits behind it");
      assert.is(new Set(behind).size, behind.length);
      assert.is(Math.max(...behind), last, "what it has emitted last waits to be read");
      const before = underWay.filter(({ edge, value }) => edge.endsWith("->keyed") && (value as Numbered).split === name);
      assert.equal(
        before.map(({ value }) => (value as Numbered).n),
        before.map((_, at) => last + 1 + at),
        "what comes next waits",
      );
      assert.is(before.length + all.length, positions.get(name), "and the source goes on behind it");
      assert.ok(before.every(({ value, timestamp }) => timestamp === (value as Numbered).at));
    }
    const [edge] = seen.channels.map((channel) => channel.edge);
    assert.ok([...seen.records(edge)].every((record) => record.edge === edge));

    const windows = (await entriesOf(seen, "windows")).filter(({ kind }) => kind !== "runtime");
    assert.ok(
      windows.length > 0 &&
        windows.every(({ kind, key, value }) => kind === "window" && key !== undefined && Object.hasOwn(value as object, "end")),
    );
    const plain = await entriesOf(seen, "plain");
    const items = plain.filter(({ state }) => state === "items");
    assert.is(items.length, 2);
    assert.ok(items.every(({ kind, value, key }) => kind === "split" && Array.isArray(value) && key === undefined));
    assert.ok(plain.some(({ state, kind, value }) => state === "version" && kind === "replicate" && value === "v0"));
    assert.ok((await entriesOf(seen, "out")).some(({ kind, state }) => kind === "runtime" && state === "committables"));

    const all: InspectedEntry[] = [];
    for await (const entry of seen.entries()) all.push(entry);
    assert.ok(all.length >= keyed.length + windows.length + plain.length);

    // A checkpoint is looked into like a savepoint.
    const checkpoint = await inspect("state/chk-3-1", { disk: stage.disk });
    assert.is(checkpoint.checkpoint, 3);
    const before = (await entriesOf(checkpoint, "keyed")).find(({ state, key }) => state === "last" && key === "a");
    assert.ok((before?.value as number) < (keyed.find(({ state, key }) => state === "last" && key === "a")?.value as number));

    const codeOf = async (look: () => Promise<unknown>): Promise<string> =>
      await look().then(() => "none", (error: unknown) => (error as SluiceError).code);
    assert.is(await codeOf(() => entriesOf(seen, "nobody")), "OPERATOR_UNKNOWN");
    assert.is(await codeOf(async () => [...seen.records("a->b")]), "EDGE_UNKNOWN");
  });
}

inspection.run();
