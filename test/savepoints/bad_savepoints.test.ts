import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import type { Disk } from "../../mod.ts";
import { inspect, job, planRestore, type, value } from "../../mod.ts";
import { HandSource, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";
import { dataOf, forgeManifest, put } from "./forge.ts";

const bad = suite("bad savepoints");

function counting(stage: Stage, source: HandSource, sink: WitnessSink<number>) {
  return job("counting", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("slow", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .keyBy("split", ({ split }: Numbered) => split)
      .process("count", {
        state: { seen: value(type<number>(), 0) },
        emits: type<number>(),
        onRecord(_, ctx) {
          ctx.state.seen.set(ctx.state.seen.get() + 1);
          ctx.emit(ctx.state.seen.get());
        },
      }, { parallelism: 2 })
      .to("out", sink, { parallelism: 1 }));
}

interface Damage {
  readonly what: string;
  readonly make: (disk: Disk) => Promise<void>;
  readonly code: string;
  readonly says: RegExp;
}

const manifest = "savepoint/manifest.json";

async function change(disk: Disk, path: string, edit: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  await put(disk, path, edit(new Uint8Array(await disk.read(path))));
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at] = bytes[at]! ^ 4;
  return bytes;
}

const damages: readonly Damage[] = [
  {
    what: "a bit of its data is another",
    make: async (disk) => await change(disk, await dataOf(disk, "savepoint"), (bytes) => flipped(bytes, bytes.length >> 1)),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/data-\S+.*its checksum is wrong/,
  },
  {
    what: "its data is cut off",
    make: async (disk) => await change(disk, await dataOf(disk, "savepoint"), (bytes) => bytes.subarray(0, bytes.length - 7)),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/data-\S+.*bytes instead of/,
  },
  {
    what: "its data is gone",
    make: async (disk) => await disk.remove(await dataOf(disk, "savepoint")),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/data-\S+.*it is missing/,
  },
  {
    what: "a bit of its manifest is another",
    make: (disk) => change(disk, manifest, (bytes) => flipped(bytes, bytes.length >> 1)),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/manifest\.json.*its checksum is wrong/,
  },
  {
    what: "its manifest is cut off",
    make: (disk) => change(disk, manifest, (bytes) => bytes.subarray(0, bytes.length >> 1)),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/manifest\.json.*it is cut off/,
  },
  {
    what: "its manifest is empty",
    make: (disk) => put(disk, manifest, new Uint8Array(0)),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/manifest\.json.*it is empty/,
  },
  {
    what: "its manifest is gone",
    make: (disk) => disk.remove(manifest),
    code: "SAVEPOINT_UNKNOWN",
    says: /there is no savepoint in savepoint: no manifest\.json is there/,
  },
  {
    what: "it is of a version that this program does not know",
    make: (disk) => forgeManifest(disk, "savepoint", (content) => content["version"] = 2),
    code: "CHECKPOINT_DAMAGED",
    says: /it has version 2, this program reads version 1/,
  },
  {
    what: "its manifest has a field too many",
    make: (disk) => forgeManifest(disk, "savepoint", (content) => content["extra"] = true),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint\/manifest\.json.*\/extra/,
  },
  {
    what: "its manifest points outside its data",
    make: (disk) =>
      forgeManifest(disk, "savepoint", (content) => {
        (content["parts"] as { at: { offset: number }[] }[])[0]!.at[0]!.offset = 1e9;
      }),
    code: "CHECKPOINT_DAMAGED",
    says: /\/parts\/0: it lies outside its file/,
  },
  {
    what: "its manifest points to other bytes of its data",
    make: (disk) =>
      forgeManifest(disk, "savepoint", (content) => {
        for (const { captured } of content["channels"] as { captured: { offset: number }[] }[]) {
          for (const extent of captured) extent.offset = Math.max(0, extent.offset - 1);
        }
      }),
    code: "CHECKPOINT_DAMAGED",
    says: /savepoint: the checksum of \d+ bytes from \d+ in data-\S+ is wrong/,
  },
];

for (const { what, make, code, says } of damages) {
  bad(`where ${what}, it is refused by file and reason: by the start, the dry run and the inspector`, async () => {
    const stage = new Stage();
    const source = new HandSource("a", "b");
    const sink = new WitnessSink<number>();
    const of = counting(stage, source, sink);
    const run = await stage.start(of, { checkpoints: { mode: "unaligned" } });
    source.give(30);
    await stage.until(() => sink.written.length >= 10, "some records");
    await stage.settle(run.savepoint("savepoint"));
    stage.kill();
    source.opened.length = 0;
    await make(stage.disk);
    const refuses = async (promise: Promise<unknown>): Promise<void> => {
      const error: unknown = await promise.then(() => undefined, (error: unknown) => error);
      assert.instance(error, SluiceError, "it is not refused");
      assert.is((error as SluiceError).code, code);
      assert.match((error as SluiceError).message, says);
    };
    await refuses(stage.settle(stage.start(of, { from: "savepoint" })));
    assert.equal(source.opened, [], "nothing was started");
    await refuses(planRestore(of, { from: "savepoint", disk: stage.disk }));
    await refuses(inspect("savepoint", { disk: stage.disk }));
  });
}

bad("what is no folder of a savepoint at all is said to be none", async () => {
  const stage = new Stage();
  const of = counting(stage, new HandSource("a"), new WitnessSink<number>());
  await stage.disk.makeDirectory("empty");
  await put(stage.disk, "file", new Uint8Array(3));
  const codeOf = async (from: string): Promise<string> =>
    await planRestore(of, { from, disk: stage.disk }).then(() => "none", (error: unknown) => (error as SluiceError).code);
  assert.is(await codeOf("nowhere"), "SAVEPOINT_UNKNOWN");
  assert.is(await codeOf("empty"), "SAVEPOINT_UNKNOWN");
  assert.ok(["SAVEPOINT_UNKNOWN", "CHECKPOINT_DAMAGED"].includes(await codeOf("file")));
  assert.is(await codeOf(""), "BAD_OPTIONS");
  assert.is(await codeOf("a\0b"), "BAD_SAVEPOINT_PATH");
});

bad.run();
