import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import {
  average,
  count,
  job,
  jsonArraySource,
  jsonlSink,
  jsonlSource,
  memorySink,
  memorySource,
  stdout,
  type,
  value,
} from "../../mod.ts";
import { writeFile } from "../connectors/connector_world.ts";
import { failsWith } from "../connectors/fails_with.ts";
import { counted, outcome } from "./outcome.ts";

const test = suite("records that are not what they should be");

async function diskWith(path: string, content: string): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await writeFile(disk, path, content);
  return disk;
}

const threeLines = '{"n":1}\n{"n":\n{"n":3}\n';

test("a malformed line fails the job at once, restarts or not: file, place and policy are named", async () => {
  const disk = await diskWith("in.jsonl", threeLines);
  const reading = job("reading", (flow) => flow.from("lines", jsonlSource("in.jsonl")).to("out", memorySink()));
  const restart = { kind: "fixed-delay", maxRestarts: 100, delayMs: 0 } as const;
  await failsWith(
    "RECORD_MALFORMED",
    /source lines: the line of "in\.jsonl" at byte 8 cannot be read: it is not JSON .*set onMalformed: "skip"/,
    () => outcome(reading, { disk, restart }),
  );
});

test("a malformed line is skipped where the policy says so, and counted", async () => {
  const disk = await diskWith("in.jsonl", threeLines);
  const out = memorySink<unknown>();
  const reading = job("reading", (flow) => flow.from("lines", jsonlSource("in.jsonl", { onMalformed: "skip" })).to("out", out));
  assert.is(counted(await outcome(reading, { disk }), "malformedRecords"), 1);
  assert.equal(out.values, [{ n: 1 }, { n: 3 }]);
});

test("a file that is not there is named", async () => {
  for (const source of [jsonlSource("no/such.jsonl"), jsonArraySource("no/such.jsonl")]) {
    await failsWith(
      "SOURCE_MISSING",
      /source in.*"?no\/such\.jsonl"?/,
      () => outcome(job("missing", (flow) => flow.from("in", source).to("out", memorySink())), { disk: new SimulatedDisk() }),
    );
  }
});

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

test("a record that cannot be sent to another task is refused with the path of the field", async () => {
  const sending = job("sending", (flow) =>
    flow.from("in", memorySource([1]))
      .map((n) => ({ n, deep: [{ fn: () => n }] }))
      .keyBy("n", ({ n }) => n)
      .aggregate("count", count())
      .to("out", memorySink()));
  await failsWith(
    "UNENCODABLE_VALUE",
    /deep.*0.*fn/,
    () => outcome(sending, { transport: new MemoryBroker().connect() }),
  );
});

test("a value that cannot be kept in state is refused: operator and state are named", async () => {
  for (const bad of [() => 1, new (class Account {})(), Symbol("x")]) {
    const keeping = job("keeping", (flow) =>
      flow.from("in", memorySource([1])).keyBy("n", (n) => n).process("keeper", {
        state: { held: value(type<unknown>(), undefined) },
        emits: type<number>(),
        onRecord(_, ctx) {
          ctx.state.held.set(bad);
        },
      }).to("out", memorySink()));
    await failsWith("CHECKPOINTS_FAILING", /Cannot encode operator keeper, key 1, state held: it is/, () => outcome(keeping));
  }
});

test("a record that a sink cannot write is refused: the sink is named", async () => {
  for (const bad of [() => 1, 1n, cyclic]) {
    const writing = job("writing", (flow) => flow.from("in", memorySource([bad])).to("lines", jsonlSink("out")));
    await failsWith(
      "RECORD_UNSERIALISABLE",
      /sink lines.*cannot be written as JSON.*turn it into plain values/,
      () => outcome(writing, { disk: new SimulatedDisk() }),
    );
  }
  const printing = job("printing", (flow) => flow.from("in", memorySource([1n])).to("screen", stdout()));
  await failsWith("RECORD_UNSERIALISABLE", /sink screen/, () => outcome(printing));
  const holding = job("holding", (flow) => flow.from("in", memorySource([() => 1])).to("memory", memorySink()));
  await failsWith("UNENCODABLE_VALUE", /memory/, () => outcome(holding));
});

test("keys, times and numbers that are none are refused: the operator is named", async () => {
  const source = memorySource([{ at: NaN, user: undefined, amount: "12" }]);
  const keyed = (keyOf: () => string) =>
    job("keyed", (flow) => flow.from("in", source).keyBy("user", keyOf).aggregate("n", count()).to("out", memorySink()));
  for (const key of [undefined, null, NaN, {}, new Date(0), Symbol("s"), "\ud800"]) {
    await failsWith("KEY_INVALID", /key/, () => outcome(keyed(() => key as never)));
  }
  for (const at of [NaN, Infinity, undefined, new Date(0), "2020-01-01"]) {
    const timed = job("timed", (flow) => flow.from("in", source).watermarks(() => at as never).to("out", memorySink()));
    await failsWith("TIMESTAMP_INVALID", /in\/watermarks#1.*milliseconds since the Unix epoch/, () => outcome(timed));
  }
  const averaged = job(
    "averaged",
    (flow) =>
      flow.from("in", source).keyBy("all", () => 0).aggregate(
        "mean",
        average(({ amount }: { amount: unknown }) => amount as never),
      )
        .to("out", memorySink()),
  );
  await failsWith("AGGREGATE_NOT_A_NUMBER", /mean.*average\(\) gave a value of type string/, () => outcome(averaged));
  const flat = job("flat", (flow) => flow.from("in", source).flatMap(() => 5 as never).to("out", memorySink()));
  await failsWith("FLAT_MAP_RESULT", /in\/flatMap#1/, () => outcome(flat));
});

test.run();
