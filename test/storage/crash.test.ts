import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedMachine } from "../../actors/simulation/processes.ts";
import { fileStorage } from "../../runtime/checkpoint/file_storage.ts";
import type { CheckpointStore } from "../../runtime/checkpoint/storage.ts";
import { bytes, completed, completedAhead, sealed, sealingAhead } from "./conformance.ts";
import { hastyClock } from "./hasty_clock.ts";
import { manifestOf } from "./manifests.ts";

const crashes = suite("file storage, crashes");

/** What a run was told to be done, and what it had begun. */
interface Settled {
  readonly completed: Set<number>;
  readonly removing: Set<number>;
  readonly removed: Set<number>;
  attempt: number;
  nextCheckpointId: number;
}

const nothing = (): Settled => ({
  completed: new Set(),
  removing: new Set(),
  removed: new Set(),
  attempt: 0,
  nextCheckpointId: 1,
});

const open = (disk: SimulatedDisk, machine: SimulatedMachine, seed: string): Promise<CheckpointStore> =>
  fileStorage("/data/state", { disk, clock: hastyClock, random: new SeededRandom(seed), processes: machine.start(7) }).open(
    "orders",
  );

/** Everything that a store is asked in its life, with what may be believed after each step. */
async function life(disk: SimulatedDisk, machine: SimulatedMachine, settled: Settled): Promise<void> {
  const store = await open(disk, machine, "first");
  const reserve = async (attempt: number, nextCheckpointId: number): Promise<void> => {
    await store.reserve({ attempt, nextCheckpointId });
    Object.assign(settled, { attempt, nextCheckpointId });
  };
  const complete = async (id: number, attempt: number): Promise<void> => {
    await completed(store, id, attempt);
    settled.completed.add(id);
  };
  await reserve(1, 11);
  await complete(1, 1);
  const [base] = (await store.manifest((await store.list())[0]!)).files;
  // The second one refers to the data of the first, which goes before it.
  const { file } = await sealed(store, 2, 50);
  const two = await store.complete(manifestOf(2, [file, { ...base!, of: { id: 1, attempt: 1 } }]));
  settled.completed.add(2);
  const [oldest] = (await store.list()).slice(-1);
  settled.removing.add(1);
  await store.remove(oldest!);
  settled.removed.add(1);
  const aborted = await sealed(store, 3, 20_000);
  const open4 = store.createData(4, 1);
  open4.append(bytes(2_000_000, 4));
  await reserve(2, 21);
  await aborted.writer.discard();
  await store.sweep(4);
  const halves = await Promise.all([sealed(store, 11, 30, 2), sealed(store, 11, 40, 2)]);
  await store.complete(manifestOf(11, halves.map((half) => half.file), { attempt: 2 }));
  settled.completed.add(11);
  settled.removing.add(2);
  await store.remove(two);
  settled.removed.add(2);
  await completedAhead(store, 12, 2);
  settled.completed.add(12);
  const forgotten = sealingAhead(store, 13, 2);
  await forgotten.sealing;
  await Promise.all([forgotten.writer.discard(), store.forget?.(forgotten.manifest)]);
  await store.close();
}

/** What must hold of a store that was opened after a crash. */
async function check(disk: SimulatedDisk, store: CheckpointStore, settled: Settled, place: string): Promise<void> {
  const record = store.record();
  assert.ok(record.attempt >= settled.attempt, `${place}: attempt ${record.attempt} after ${settled.attempt}`);
  assert.ok(record.nextCheckpointId >= settled.nextCheckpointId, `${place}: ids from ${record.nextCheckpointId}`);
  const listed = await store.list();
  for (const id of settled.completed) {
    if (!settled.removing.has(id)) assert.ok(listed.some((stored) => stored.id === id), `${place}: checkpoint ${id} is lost`);
  }
  const named = new Set<string>();
  for (const stored of listed) {
    assert.not.ok(settled.removed.has(stored.id), `${place}: checkpoint ${stored.id} has come back`);
    assert.ok(stored.id < record.nextCheckpointId, `${place}: checkpoint ${stored.id} was not allotted`);
    const manifest = await store.manifest(stored);
    for (const file of manifest.files) {
      await store.readData(stored, file);
      const { id, attempt } = file.of ?? manifest;
      named.add(`/data/state/chk-${id}-${attempt}/${file.name}`);
    }
    named.add(`${stored.location}/manifest.json`);
  }
  for (const path of disk.files().keys()) {
    if (path.includes("/chk-")) {
      assert.ok(named.has(path), `${place}: ${path} was not swept`);
    }
    assert.not.match(path, /\/(data-|manifest).*\.tmp$|lock\./, `${place}: left over`);
  }
}

/** A further checkpoint, as a run goes on after a crash. */
async function goOn(store: CheckpointStore, settled: Settled): Promise<void> {
  const { attempt, nextCheckpointId } = store.record();
  const next = { attempt: attempt + 1, nextCheckpointId: nextCheckpointId + 10 };
  await store.reserve(next);
  Object.assign(settled, next);
  await completed(store, nextCheckpointId, attempt + 1);
  settled.completed.add(nextCheckpointId);
}

async function operationsOfALife(): Promise<number> {
  const disk = new SimulatedDisk();
  await life(disk, new SimulatedMachine(), nothing());
  return disk.operations;
}

crashes("the script does what it says", async () => {
  const disk = new SimulatedDisk();
  const machine = new SimulatedMachine();
  const settled = nothing();
  await life(disk, machine, settled);
  machine.reboot();
  const store = await open(disk, machine, "next");
  await check(disk, store, settled, "no crash");
  assert.equal((await store.list()).map((stored) => stored.id), [12, 11]);
});

crashes(
  "a power failure at any operation, and a second one while recovering, leave a store that is whole and usable",
  async () => {
    const last = await operationsOfALife();
    assert.ok(last > 80, `only ${last} operations`);
    const seen = { halfway: 0, second: 0, notSettledButThere: 0, settledAndThere: 0 };
    for (let at = 1; at <= last; at++) {
      for (let seed = 0; seed < 4; seed++) {
        const place = `operation ${at}, seed ${seed}`;
        const random = new SeededRandom(`${at}/${seed}`);
        const machine = new SimulatedMachine();
        const settled = nothing();
        let disk = new SimulatedDisk({ random });
        disk.failPowerAt(at);
        await life(disk, machine, settled).then(() => {}, () => seen.halfway++);
        machine.reboot();
        disk = disk.crash();
        if (seed % 2 === 1) {
          disk.failPowerAt(1 + random.int(40));
          await open(disk, machine, "second").then((store) => goOn(store, settled)).catch(() => seen.second++);
          machine.reboot();
          disk = disk.crash();
        }
        const store = await open(disk, machine, "third");
        await check(disk, store, settled, place);
        for (const { id } of await store.list()) settled.completed.has(id) ? seen.settledAndThere++ : seen.notSettledButThere++;
        await goOn(store, settled);
        await check(disk, store, settled, `${place}, gone on`);
        await store.close();
      }
    }
    // Every kind of outcome must have come up, or the faults did not bite.
    for (const [outcome, count] of Object.entries(seen)) assert.ok(count >= 5, `${outcome} came up ${count} times`);
  },
);

crashes("a process killed at any operation loses nothing that it was told to be done", async () => {
  const last = await operationsOfALife();
  for (let at = 1; at <= last; at++) {
    const disk = new SimulatedDisk();
    const handle = disk.handle();
    const machine = new SimulatedMachine();
    const settled = nothing();
    handle.inject = ({ index }) => {
      if (index >= at) handle.detach();
      return index >= at ? "io" : undefined;
    };
    await life(handle, machine, settled).catch(() => {});
    machine.reboot();
    const store = await open(disk, machine, "second");
    await check(disk, store, settled, `operation ${at}`);
    await goOn(store, settled);
    await store.close();
  }
});

crashes("disks that fail now and then make steps fail, and never make the store wrong", async () => {
  let failures = 0;
  for (let seed = 0; seed < 150; seed++) {
    const machine = new SimulatedMachine();
    const settled = nothing();
    const disk = new SimulatedDisk({ random: new SeededRandom(seed), rates: { io: 0.02, full: 0.02, torn: 0.05 } });
    await life(disk, machine, settled).catch(() => failures++);
    disk.rates = {};
    machine.reboot();
    const after = disk.crash({ random: new SeededRandom(seed) });
    const store = await open(after, machine, "second");
    await check(after, store, settled, `seed ${seed}`);
    await store.close();
  }
  assert.ok(failures > 50, `only ${failures} runs met a fault`);
});

crashes("a bit that flips while it is written is found when it is read", async () => {
  let found = 0;
  for (let seed = 0; seed < 100; seed++) {
    const disk = new SimulatedDisk({ random: new SeededRandom(seed) });
    const store = await open(disk, new SimulatedMachine(), "first");
    disk.rates = { bitFlip: 0.5 };
    const stored = await completed(store, 1);
    disk.rates = {};
    const flipped = [...disk.files()].some(([path, content]) =>
      path.endsWith("data-1") && Buffer.compare(content, bytes(50, 1)) !== 0
    );
    const outcome = await store.manifest(stored).then(async (manifest) => {
      await store.readData(stored, manifest.files[0]!);
      return "read";
    }, () => "refused").catch(() => "refused");
    if (outcome === "refused") found++;
    else assert.not.ok(flipped, `seed ${seed}: flipped data was believed`);
  }
  assert.ok(found > 30, `only ${found} were found`);
});

crashes.run();
