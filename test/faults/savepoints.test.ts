/** The rows of the fault matrix about snapshots of other jobs, other schemas, and folders that somebody has tampered with. */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TSchema, Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { inspect, job, memorySink, memorySource, migrating, planRestore, start, value } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";
import { dataOf, forgeManifest, put, seen } from "../savepoints/forge.ts";

const test = suite("faults of savepoints");

const Seen = Type.Object({ count: Type.Integer() });

function counting(stage: Stage, it: { source: HandSource; sink: WitnessSink<string> }, uid = "count", schema: TSchema = Seen) {
  return job("counting", (flow) =>
    flow.from("in", it.source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("slow", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .keyBy("split", ({ split }: Numbered) => split)
      .process(uid, {
        state: { seen: value(schema, { count: 0, since: 0 }) },
        emits: Type.String(),
        onRecord: (record, ctx) => {
          const seen = ctx.state.seen.get() as { count: number };
          ctx.state.seen.set({ ...seen, count: seen.count + 1 });
          ctx.emit(`${nameOf(record)} ${seen.count + 1}`);
        },
      }, { parallelism: 2 })
      .to("out", it.sink, { parallelism: 1 }));
}

async function taken(stage: Stage) {
  const it = { source: new HandSource("a", "b"), sink: new WitnessSink<string>() };
  const run = await stage.start(counting(stage, it), { checkpoints: { mode: "unaligned" } });
  it.source.give(30);
  await stage.until(() => it.sink.written.length >= 10, "some records");
  await stage.settle(run.savepoint("savepoint"));
  stage.kill();
  it.source.opened.length = 0;
  stage.events.length = 0;
  return it;
}

async function refusal(promise: Promise<unknown>): Promise<SluiceError> {
  const error: unknown = await promise.then(() => undefined, (error: unknown) => error);
  assert.instance(error, SluiceError, "it is not refused");
  return error as SluiceError;
}

test("fault 42: a savepoint of another graph is refused with all that has no home; dropping it takes a word", async () => {
  const stage = new Stage();
  const it = await taken(stage);
  const renamed = counting(stage, it, "tally");
  const options = { checkpoints: { mode: "unaligned" }, from: "savepoint" } as const;
  const refused = await refusal(stage.settle(stage.start(renamed, options)));
  assert.is(refused.code, "CHECKPOINT_MISMATCH");
  assert.match(refused.message, /operators that the job no longer has: count;/);
  assert.match(refused.message, /edges that the job no longer has: .*slow->count/);
  assert.equal(it.source.opened, [], "nothing was started");

  const run = await stage.start(renamed, { ...options, allowDropped: true });
  const warnings = stage.of("warning").filter(({ code }) => code === "STATE_DROPPED").map(({ message }) => message);
  assert.match(warnings.join("\n"), /count.*\n.*slow->count/);
  it.source.end();
  await stage.finish(run);
  const counts = it.sink.values.map((line) => Number(line.split(" ")[1]));
  assert.ok(counts.length < it.source.records.length, "what was dropped is gone");
  assert.ok(counts.includes(1), "the renamed operator began empty");
});

test("fault 43: a schema that does not take the old values is refused before any actor starts, naming the field", async () => {
  const stage = new Stage();
  const it = await taken(stage);
  const options = { checkpoints: { mode: "unaligned" }, from: "savepoint" } as const;
  const Other = Type.Object({ count: Type.Integer(), since: Type.Number() });
  const refused = await refusal(stage.settle(stage.start(counting(stage, it, "count", Other), options)));
  assert.is(refused.code, "CHECKPOINT_MISMATCH");
  assert.match(refused.message, /state seen of operator count: field \/since: it is new and required, and has no default/);
  assert.equal(it.source.opened, [], "no source was opened");
  assert.equal(stage.of("started"), []);

  const Migrating = migrating(Other, { from: Seen, migrate: ({ count }) => ({ count: count + 1_000, since: 7 }) });
  const run = await stage.start(counting(stage, it, "count", Migrating), options);
  it.source.end();
  await stage.finish(run);
  const counts = it.sink.values.map((line) => Number(line.split(" ")[1]));
  assert.is(it.sink.values.length, it.source.records.length);
  assert.ok(Math.max(...counts) > 1_000, "the migrated state was counted on");
});

test("fault 51: nothing outside its folder is read or deleted because of what a savepoint says", async () => {
  const stage = new Stage();
  const it = await taken(stage);
  await stage.disk.makeDirectory("secret");
  const clean = await stage.disk.read("savepoint/manifest.json");
  const data = await dataOf(stage.disk, "savepoint");
  await put(stage.disk, "secret/data-1", await stage.disk.read(data));
  await put(stage.disk, "data-1", await stage.disk.read(data));
  const names = ["../secret/data-1", "/secret/data-1", "..\\secret\\data-1", "../data-1", ".", "..", "", "data-1\0"];
  for (const name of names) {
    await put(stage.disk, "savepoint/manifest.json", clean);
    await forgeManifest(stage.disk, "savepoint", (manifest) => {
      (manifest["files"] as { name: string }[])[0]!.name = name;
    });
    const { disk, touched } = seen(stage.disk);
    for (
      const look of [() => planRestore(counting(stage, it), { from: "savepoint", disk }), () => inspect("savepoint", { disk })]
    ) {
      const refused = await refusal(look());
      assert.is(refused.code, "CHECKPOINT_DAMAGED", name);
      assert.match(refused.message, "savepoint/manifest.json");
    }
    assert.equal([...new Set(touched)], ["savepoint/manifest.json"], name);
  }
  for (
    const origin of [{ id: "../../secret", attempt: 1 }, { id: 1, attempt: "/secret" }, { id: -1, attempt: 1 }, {
      id: 1.5,
      attempt: 1,
    }]
  ) {
    await put(stage.disk, "savepoint/manifest.json", clean);
    await forgeManifest(stage.disk, "savepoint", (manifest) => {
      (manifest["files"] as { of: unknown }[])[0]!.of = origin;
    });
    const refused = await refusal(planRestore(counting(stage, it), { from: "savepoint", disk: stage.disk }));
    assert.is(refused.code, "CHECKPOINT_DAMAGED");
  }
  // A neighbour may be named, and only by its numbers: it is looked for beside the folder.
  await put(stage.disk, "savepoint/manifest.json", clean);
  await forgeManifest(stage.disk, "savepoint", (manifest) => {
    (manifest["files"] as { of: unknown }[])[0]!.of = { id: 9, attempt: 9 };
  });
  const { disk, touched } = seen(stage.disk);
  const refused = await refusal(planRestore(counting(stage, it), { from: "savepoint", disk }));
  const neighbour = data.replace("savepoint", "./chk-9-9");
  assert.match(refused.message, neighbour);
  assert.equal([...new Set(touched)], ["savepoint/manifest.json", neighbour]);
  assert.equal((await stage.disk.list("secret")).length, 1);
});

test("fault 51: links are not followed, neither to the manifest nor to data", async () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-links-"));
  try {
    const counted = job("counted", (flow) => flow.from("in", memorySource([1, 2, 3])).to("out", memorySink()));
    const run = await start(counted, { checkpoints: { directory: join(root, "state") } });
    await run.stop({ savepoint: join(root, "savepoint") });
    const disk = systemDisk();
    assert.ok(await planRestore(counted, { from: join(root, "savepoint") }) !== undefined);
    const data = (await dataOf(disk, join(root, "savepoint"))).split("/").at(-1) as string;
    for (const name of [data, "manifest.json"]) {
      const file = join(root, "savepoint", name);
      await rename(file, join(root, name));
      try {
        symlinkSync(join(root, name), file);
      } catch {
        continue; // a system without links, or without the right to make them
      }
      const refused = await refusal(planRestore(counted, { from: join(root, "savepoint"), disk }));
      assert.is(refused.code, "CHECKPOINT_DAMAGED");
      assert.match(refused.message, `${name}`);
      assert.match(refused.message, "it is a link to another place");
      await disk.remove(file);
      await rename(join(root, name), file);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test.run();
