import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { SimulatedDisk, type SimulatedDiskOptions } from "../../actors/simulation/disk.ts";
import { SimulatedMachine } from "../../actors/simulation/processes.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { fileStorage } from "../../runtime/checkpoint/file_storage.ts";
import type { CheckpointStorage } from "../../runtime/checkpoint/storage.ts";
import { write } from "../disk/conformance.ts";
import { bytes, completed, completedAhead, refuses, sealed, sealingAhead, storageConformance } from "./conformance.ts";
import { hastyClock } from "./hasty_clock.ts";
import { manifestOf } from "./manifests.ts";

storageConformance("files on the system's disk", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-storage-"));
  const again = (): CheckpointStorage => fileStorage(`${folder}/state/`, { disk: systemDisk(), random: systemRandom() });
  return { storage: again(), again, dispose: () => rm(folder, { recursive: true }) };
});

storageConformance("files on a simulated disk", () => {
  const world = { disk: new SimulatedDisk(), random: new SeededRandom(1), processes: new SimulatedMachine().start(7) };
  let opened = 0;
  const again = (): CheckpointStorage => fileStorage("/state", { ...world, random: world.random.fork(`${opened++}`) });
  return Promise.resolve({ storage: again(), again, dispose: () => Promise.resolve() });
});

const files = suite("file storage");

/** A storage on a simulated disk, used by process 7. */
function simulated(options: SimulatedDiskOptions = {}, directory: string = "/state") {
  const disk = new SimulatedDisk(options);
  const machine = new SimulatedMachine();
  const process = machine.start(7);
  const random = new SeededRandom("storage");
  return { disk, machine, process, storage: fileStorage(directory, { disk, clock: hastyClock, random, processes: process }) };
}

const namesOf = (disk: SimulatedDisk): readonly string[] => [...disk.files().keys()];

files("lays a folder out as documented, and leaves no temporary file", async () => {
  const { disk, storage } = simulated({}, "/data/state");
  const store = await storage.open("orders");
  await store.reserve({ attempt: 2, nextCheckpointId: 11 });
  await completed(store, 3, 2);
  assert.equal(namesOf(disk), [
    "/data/state/chk-3-2/data-1",
    "/data/state/chk-3-2/manifest.json",
    "/data/state/job.backup.json",
    "/data/state/job.json",
    "/data/state/lock",
  ]);
  const manifest = JSON.parse(new TextDecoder().decode(disk.files().get("/data/state/chk-3-2/manifest.json"))) as {
    readonly content: unknown;
  };
  assert.is((manifest.content as { readonly id: number }).id, 3);
  await store.close();
  assert.not.ok(namesOf(disk).some((name) => name.includes("lock")));
});

files("names the folder and the remedy when it cannot be used", async () => {
  const { disk, storage } = simulated();
  disk.inject = ({ action }) => action === "open" ? "denied" : undefined;
  const denied = await refuses("CHECKPOINTS_UNUSABLE", storage.open("orders"));
  assert.match(denied, /^Cannot keep checkpoints in \/state: .*permission denied; give the process the right to write there/);
  disk.inject = ({ action }) => action === "write" ? "full" : undefined;
  assert.match(await refuses("CHECKPOINTS_UNUSABLE", storage.open("orders")), /no space left on the disk; free some space/);
  disk.inject = undefined;
  await write(disk, "/file", "");
  const onFile = fileStorage("/file", { disk, random: new SeededRandom(1), processes: new SimulatedMachine().start(1) });
  assert.match(await refuses("CHECKPOINTS_UNUSABLE", onFile.open("orders")), /\/file.*choose another folder/);
  assert.throws(() => fileStorage("", { disk, random: new SeededRandom(1) }), /the checkpoint directory is ""/);
  // Nothing of the failures is in the way.
  await (await storage.open("orders")).close();
});

files("leaves nothing behind when sealing or completing fails, at whatever step, and goes on", async () => {
  const ways = [completed, completedAhead].flatMap((way) => (["full", "io", "denied"] as const).map((fault) => ({ way, fault })));
  for (const { way, fault } of ways) {
    for (let step = 1;; step++) {
      const { disk, storage } = simulated();
      const store = await storage.open("orders");
      await way(store, 1);
      const before = namesOf(disk);
      const from = disk.operations;
      let reached = false;
      disk.inject = ({ index, action }) => {
        if (index !== from + step) return undefined;
        reached = true;
        return action === "close" || action === "remove" ? undefined : fault;
      };
      const work = way(store, 2);
      const failed = await work.then(() => false, () => true);
      disk.inject = undefined;
      if (failed) {
        const message = await refuses("CHECKPOINTS_UNUSABLE", work);
        assert.equal(namesOf(disk), before, `${fault} at step ${step}: ${message}`);
        assert.match(message, /\/state\/chk-2-1/);
        await way(store, 2);
      }
      assert.equal((await store.list()).map((stored) => stored.id), [2, 1]);
      await way(store, 3);
      if (!reached) {
        assert.ok(step > 12, `only ${step} steps`);
        break;
      }
    }
  }
});

files("what is written down beforehand completes nothing, and goes when it is forgotten or the store is closed", async () => {
  for (const end of ["complete", "forget", "close"] as const) {
    const { disk, storage } = simulated();
    const store = await storage.open("orders");
    const before = namesOf(disk).filter((name) => !name.includes("lock"));
    const { writer, manifest, sealing } = sealingAhead(store, 1);
    await sealing;
    assert.ok(namesOf(disk).some((name) => name.endsWith("/manifest.json.tmp")), "it is written down");
    assert.equal(await store.list(), []);
    assert.not.ok(namesOf(disk).some((name) => name.endsWith("/manifest.json")), "and not complete");
    if (end === "complete") {
      const stored = await store.complete(manifest);
      assert.equal(await store.manifest(stored), manifest);
      await store.forget?.(manifest);
      assert.equal(await store.list(), [stored], "it is too late to forget it");
    } else if (end === "forget") {
      await writer.discard();
      await store.forget?.(manifest);
      assert.equal(namesOf(disk).filter((name) => !name.includes("lock")), before);
      assert.equal(await disk.list("/state"), ["job.backup.json", "job.json", "lock"], "not even the folder");
    }
    await store.close();
    if (end !== "complete") assert.equal(namesOf(disk), before, end);
  }
});

files("what was written down beforehand is not completed without its data, or twice", async () => {
  const { storage } = simulated();
  const store = await storage.open("orders");
  const dropped = sealingAhead(store, 1);
  await dropped.sealing;
  await dropped.writer.discard();
  await refuses("CHECKPOINT_DAMAGED", store.complete(dropped.manifest));
  const base = await completed(store, 2);
  const [file] = (await store.manifest(base)).files;
  const orphan = manifestOf(3, [{ ...file!, of: { id: 2, attempt: 2 } }]);
  store.prepare?.(orphan);
  await refuses("CHECKPOINT_DAMAGED", store.complete(orphan));
  const unmade = manifestOf(4, [], { parts: [], channels: [], triggeredAt: NaN });
  store.prepare?.(unmade);
  await refuses("MANIFEST_INVALID", store.complete(unmade));
  const once = sealingAhead(store, 5);
  await once.sealing;
  const twice = await Promise.allSettled([store.complete(once.manifest), store.complete(once.manifest)]);
  assert.equal(twice.map(({ status }) => status), ["fulfilled", "rejected"]);
  assert.equal((await store.list()).map(({ id }) => id), [5, 2]);
});

files("does not try a file again whose sync failed", async () => {
  const { disk, storage } = simulated();
  const store = await storage.open("orders");
  let syncs = 0;
  disk.inject = ({ action, path }) => action === "sync" && path.includes("data-") && ++syncs === 1 ? "io" : undefined;
  const writer = store.createData(1, 1);
  writer.append(bytes(10, 1));
  await refuses("CHECKPOINTS_UNUSABLE", writer.seal());
  await refuses("CHECKPOINTS_UNUSABLE", writer.seal());
  assert.is(syncs, 1);
  const { file } = await sealed(store, 1, 10);
  assert.is(file.name, "data-2");
});

files("names file and reason of every damage, and never decodes it", async () => {
  const damages: readonly (readonly [name: string, reason: RegExp, damage: (disk: SimulatedDisk, path: string) => unknown])[] = [
    ["manifest.json", /it is empty/, (disk, path) => disk.truncate(path, 0)],
    ["manifest.json", /cut off/, (disk, path) => disk.truncate(path, 100)],
    ["manifest.json", /checksum is wrong/, (disk, path) => disk.flipBit(path, 900)],
    ["manifest.json", /cut off, or another kind/, (disk, path) => disk.flipBit(path, 0)],
    ["manifest.json", /it is missing/, (disk, path) => disk.remove(path)],
    ["data-2", /it has 49 bytes instead of 50/, (disk, path) => disk.truncate(path, 49)],
    ["data-2", /checksum is wrong/, (disk, path) => disk.flipBit(path, 77)],
    ["data-2", /it is missing/, (disk, path) => disk.remove(path)],
    [
      "data-2",
      /it cannot be read: .*input\/output/,
      (disk, path) => disk.inject = (asked) => asked.path === path ? "io" : undefined,
    ],
  ];
  for (const [name, reason, damage] of damages) {
    const { disk, storage } = simulated();
    const store = await storage.open("orders");
    const good = await completed(store, 1);
    const bad = await completed(store, 2);
    const path = `${bad.location}/${name}`;
    await damage(disk, path);
    const read = async (stored: typeof bad): Promise<void> => {
      const manifest = await store.manifest(stored);
      for (const file of manifest.files) await store.readData(stored, file);
    };
    const message = await refuses("CHECKPOINT_DAMAGED", read(bad));
    assert.ok(message.startsWith(path), message);
    assert.match(message, reason);
    await read(good);
  }
});

files("does not believe a manifest that stands in another checkpoint's folder", async () => {
  const { disk, storage } = simulated();
  const store = await storage.open("orders");
  const first = await completed(store, 1);
  const second = await completed(store, 2);
  await disk.rename(`${first.location}/manifest.json`, `${second.location}/manifest.json`);
  assert.match(await refuses("CHECKPOINT_DAMAGED", store.manifest(second)), /it is the manifest of checkpoint 1, not 2/);
});

files("sweeps when it is opened what a crash has left, and leaves files of others alone", async () => {
  const { disk, storage } = simulated();
  const store = await storage.open("orders");
  const kept = await completed(store, 1);
  await store.close();
  for (
    const name of [
      "chk-2-1/data-1",
      "chk-3-1/data-1.tmp",
      "chk-3-1/manifest.json.tmp",
      "chk-4-1/notes.txt",
      "other/file",
      "chk-x/y",
    ]
  ) {
    await disk.makeDirectory(`/state/${name.split("/")[0]}`);
    await write(disk, `/state/${name}`, "x");
  }
  const next = await storage.open("orders");
  assert.equal(await next.list(), [kept]);
  assert.equal(namesOf(disk).filter((name) => !/job|lock|chk-1-1/.test(name)), [
    "/state/chk-4-1/notes.txt",
    "/state/chk-x/y",
    "/state/other/file",
  ]);
  // What is in the folder was allotted once, even if the record does not say so.
  assert.equal(next.record(), { attempt: 1, nextCheckpointId: 5 });
});

files("goes on from the names of folders when the record is gone, and from one copy when the other is damaged", async () => {
  const { disk, storage } = simulated();
  const run = async (): Promise<{ readonly attempt: number; readonly nextCheckpointId: number }> => {
    const store = await storage.open("orders");
    const record = store.record();
    await store.close();
    return record;
  };
  const store = await storage.open("orders");
  await store.reserve({ attempt: 5, nextCheckpointId: 30 });
  await completed(store, 17, 4);
  await store.close();
  disk.flipBit("/state/job.json", 400);
  assert.equal(await run(), { attempt: 5, nextCheckpointId: 30 });
  disk.truncate("/state/job.backup.json", 0);
  const message = await refuses("CHECKPOINT_DAMAGED", storage.open("orders"));
  assert.match(message, /\/state\/job\.json: its checksum is wrong; \/state\/job\.backup\.json: it is empty; restore one/);
  await disk.remove("/state/job.json");
  await disk.remove("/state/job.backup.json");
  assert.equal(await run(), { attempt: 4, nextCheckpointId: 18 });
});

files("never deletes the data of a manifest that it could not take back", async () => {
  const { disk, storage } = simulated();
  const store = await storage.open("orders");
  const { file } = await sealed(store, 1, 50);
  // The names of the folder can never be made durable after the link.
  disk.inject = ({ action, path }) => action === "sync-directory" && path === "/state/chk-1-1" ? "io" : undefined;
  await refuses("CHECKPOINTS_UNUSABLE", store.complete(manifestOf(1, [file])));
  disk.inject = undefined;
  assert.ok(namesOf(disk).includes("/state/chk-1-1/data-1"));
  await store.close();
});

files.run();
