import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import {
  generate,
  type Job,
  job,
  memorySink,
  memorySource,
  memoryStorage,
  replicate,
  split,
  start,
  type StartOptions,
  type,
  value,
} from "../../mod.ts";
import { failsWith } from "../connectors/fails_with.ts";
import { outcome } from "./outcome.ts";
import { folder, StoredJob } from "./stored_job.ts";

const test = suite("checkpoints that cannot be kept, read or taken");

const small = job("small", (flow) => flow.from("in", memorySource([1])).to("out", memorySink()));

test("a folder that cannot be written to: the start fails at once, and says which and what to do", async () => {
  const disk = new SimulatedDisk();
  for (
    const [fault, remedy] of [
      ["denied", /give the process the right to write there, or choose another folder/],
      ["full", /free some space, or choose a folder on another disk/],
      ["io", /look after the disk/],
    ] as const
  ) {
    disk.inject = ({ action }) => (action === "make-directory" || action === "open" ? fault : undefined);
    const starting = () => start(small, { disk, checkpoints: { directory: folder }, log: () => {} });
    await failsWith("CHECKPOINTS_UNUSABLE", /^Cannot keep checkpoints in \/data\/state: /, starting);
    await failsWith("CHECKPOINTS_UNUSABLE", remedy, starting);
  }
});

test("a file where the folder should be", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("/data");
  await (await disk.openWrite(folder)).close();
  await failsWith(
    "CHECKPOINTS_UNUSABLE",
    /\/data\/state.*choose another folder, or move it away/,
    () => start(small, { disk, checkpoints: { directory: folder }, log: () => {} }),
  );
});

/** Ways to damage a file. */
const damages: readonly (readonly [string, (disk: SimulatedDisk, path: string) => unknown])[] = [
  ["with one wrong bit", (disk, path) => disk.flipBit(path, 77)],
  ["cut short", (disk, path) => disk.truncate(path, 20)],
  ["emptied", (disk, path) => disk.truncate(path, 0)],
  ["gone", (disk, path) => disk.remove(path)],
];

for (const [how, damage] of damages) {
  test(`the newest checkpoint's data ${how}: it is passed over with a warning that names it, and totals are exact`, async () => {
    const stored = new StoredJob();
    await stored.checkpointed(2);
    const [newest = ""] = stored.files(/\/chk-.*\/data-/);
    await damage(stored.disk, newest);
    await stored.finish();
    const warning = stored.events.find((event) => event.kind === "warning" && event.code === "CHECKPOINT_DAMAGED");
    assert.ok(warning?.kind === "warning" && warning.message.includes(newest), String(warning));
    const started = stored.events.findLast((event) => event.kind === "started");
    assert.is(started?.kind === "started" && started.checkpoint, 1);
    assert.equal(stored.visible(), StoredJob.expected());
  });

  test(`the newest checkpoint's manifest ${how}: ${how === "gone" ? "it was never complete" : "it is passed over"}`, async () => {
    const stored = new StoredJob();
    await stored.checkpointed(2);
    const [newest = ""] = stored.files(/\/manifest\.json$/);
    await damage(stored.disk, newest);
    await stored.finish();
    const warned = stored.events.some((event) => event.kind === "warning" && event.message.includes(newest));
    assert.is(warned, how !== "gone");
    assert.equal(stored.visible(), StoredJob.expected());
  });
}

test("every checkpoint damaged: the job does not start from nothing, and every file is named", async () => {
  const stored = new StoredJob();
  await stored.checkpointed(3);
  const [first = "", second = "", third = ""] = stored.files(/\/chk-.*\/data-/);
  stored.disk.flipBit(first, 9);
  stored.disk.truncate(second, 3);
  await stored.disk.remove(third);
  const said = /no checkpoint of job totals can be restored: .*To start from nothing, use another folder/;
  await failsWith("CHECKPOINT_DAMAGED", said, () => stored.start());
  for (const path of [first, second, third]) await failsWith("CHECKPOINT_DAMAGED", new RegExp(path), () => stored.start());
});

test("the job's record damaged: one copy is enough, and without both nothing is guessed", async () => {
  const stored = new StoredJob();
  await stored.checkpointed(1);
  stored.disk.flipBit(`${folder}/job.json`, 100);
  await stored.finish();
  assert.equal(stored.visible(), StoredJob.expected());
  for (const name of ["job.json", "job.backup.json"]) stored.disk.truncate(`${folder}/${name}`, 10);
  const said = /which checkpoint ids were used: \S*\/job\.json: .*\/job\.backup\.json: .*restore one of the two files/;
  await failsWith("CHECKPOINT_DAMAGED", said, () => stored.start());
});

test("a lock that nobody can read: the file and the remedy are named", async () => {
  const stored = new StoredJob();
  await stored.checkpointed(1);
  const writer = await stored.disk.openWrite(`${folder}/lock`);
  await writer.write(new TextEncoder().encode("mine"));
  await writer.close();
  await failsWith("CHECKPOINTS_IN_USE", /its lock \/data\/state\/lock does not say.*remove that file/, () => stored.start());
});

test("a second live job on the same folder is refused, and the first one goes on", async () => {
  const stored = new StoredJob();
  const first = await stored.start();
  await failsWith(
    "CHECKPOINTS_IN_USE",
    /process 1 on simulated runs job totals with it; stop that process first/,
    () => stored.start(),
  );
  await stored.world.run(first.finished);
  assert.equal(stored.visible(), StoredJob.expected());
});

test("the folder of another job is refused, with both names", async () => {
  const stored = new StoredJob();
  await stored.checkpointed(1);
  const said = /checkpoints of job small in \/data\/state: it holds those of job totals; give every job a folder of its own/;
  await failsWith("CHECKPOINTS_OF_ANOTHER_JOB", said, () => stored.start({}, {}, small));
});

test("a checkpoint that is asked for and is not there: those that are there are listed", async () => {
  const stored = new StoredJob();
  await failsWith(
    "CHECKPOINT_UNKNOWN",
    /there is no checkpoint 7 of job totals; there are: none/,
    () => stored.start({}, { from: 7 }),
  );
  await stored.checkpointed(2);
  await failsWith(
    "CHECKPOINT_UNKNOWN",
    /there is no checkpoint 7 of job totals; there are: 1002, 1001$/,
    () => stored.start({}, { from: 7 }),
  );
});

test("a checkpoint that is asked for and is damaged is not replaced by another one", async () => {
  const stored = new StoredJob();
  await stored.checkpointed(2);
  const [newest = ""] = stored.files(/\/chk-.*\/data-/);
  stored.disk.flipBit(newest, 5);
  await failsWith("CHECKPOINT_DAMAGED", new RegExp(newest), () => stored.start({}, { from: 2 }));
  await stored.finish({}, { from: 1 });
  assert.equal(stored.visible(), StoredJob.expected());
});

test("a disk that is full for a while: checkpoints are given up, the job goes on, and the next one succeeds", async () => {
  const stored = new StoredJob();
  let refused = 0;
  stored.disk.inject = ({ action, path }) => {
    if (action !== "write" || !path.includes("/chk-") || refused >= 3) return undefined;
    refused++;
    return "full";
  };
  await stored.finish({ intervalMs: 50, tolerableFailures: 3 });
  const aborted = stored.events.filter((event) => event.kind === "checkpoint-aborted");
  assert.is(aborted.length, 3);
  for (const event of aborted) {
    assert.match(event.kind === "checkpoint-aborted" ? event.reason : "", /\/data\/state\/chk-.*free some space/);
  }
  assert.not(stored.events.some((event) => event.kind === "failed"));
  assert.equal(stored.visible(), StoredJob.expected());
});

test("a disk that stays full: the job fails with the file and the remedy, and does not hang", async () => {
  const stored = new StoredJob();
  stored.disk.inject = ({ action, path }) => (action === "write" && path.includes("/chk-") ? "full" : undefined);
  const said =
    /totals failed, and 2 restarts in all did not help: checkpoints keep failing: .*\/data\/state\/chk-.*free some space/;
  await failsWith("JOB_FAILED", said, () => stored.finish({ intervalMs: 20, tolerableFailures: 1 }));
  assert.equal(stored.visible(), [], "nothing that no checkpoint covers is visible");
  stored.disk.inject = undefined;
  await stored.finish();
  assert.equal(stored.visible(), StoredJob.expected());
});

class Own {}

/** The first checkpoint that fails fails the job. */
const strict = (): StartOptions => ({ checkpoints: { storage: memoryStorage(), tolerableFailures: 0 } });

const keyedState = (given: unknown): Job =>
  job("unkeepable", (flow) => {
    flow.from("in", memorySource(["a", "b"])).keyBy("letter", (letter) => letter).process("p", {
      state: { seen: value(type<unknown>(), null) },
      emits: type<string>(),
      onRecord: (letter, ctx) => ctx.state.seen.set(letter === "b" ? { given } as never : "fine" as never),
    }).to("out", memorySink());
  });

test("keyed state that cannot be kept: operator, key and state are named, and the place in it", async () => {
  for (const given of [() => {}, new Own(), Symbol("s"), [1, , 3]]) {
    await failsWith(
      "CHECKPOINTS_FAILING",
      /Cannot encode operator p, key "b", state seen\.given/,
      () => outcome(keyedState(given), strict()),
    );
  }
});

test("operator state that cannot be kept: operator and state are named", async () => {
  const items = job("unkeepable", (flow) => {
    flow.from("in", memorySource([1])).process("p", {
      state: { open: split(type<unknown>()), model: replicate(type<unknown>(), 0) },
      emits: type<number>(),
      onRecord: (n, ctx) => (n === 1 ? ctx.state.open.add(new Own() as never) : undefined),
    }).to("out", memorySink());
  });
  await failsWith("CHECKPOINTS_FAILING", /Cannot encode operator p, state open\[0\]/, () => outcome(items, strict()));
});

const wired = (): StartOptions => ({ ...strict(), transport: new MemoryBroker().connect() });
const emitting = (record: unknown): Job =>
  job("unsendable", (flow) => {
    flow.from("in", memorySource([1])).map(() => record).rebalance().process("p", {
      emits: type<number>(),
      onRecord() {},
    }, { parallelism: 2 }).to("out", memorySink());
  });

test("a record that cannot be sent to another process: who emitted it and the place in it are named", async () => {
  for (const record of [() => {}, new Own(), { deep: [{ fn() {} }] }]) {
    const said = /a record that in\/map#1 emitted cannot be sent: Cannot encode record\[0\]/;
    await failsWith("UNENCODABLE_VALUE", said, () => outcome(emitting(record), wired()));
  }
});

test("a position that cannot be kept: source and split are named", async () => {
  const source = { ...generate({ count: 3, make: (n) => n }) };
  const odd = job("odd", (flow) => {
    flow.from("in", {
      ...source,
      open: async (...args: Parameters<typeof source.open>) => {
        const reader = await source.open(...args);
        return { poll: reader.poll.bind(reader), position: () => (() => {}) as never, close() {} };
      },
    }).to("out", memorySink());
  });
  await failsWith("CHECKPOINTS_FAILING", /the position of split 0\/1 of in/, () => outcome(odd, strict()));
});

test.run();
