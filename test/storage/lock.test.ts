import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemProcesses } from "../../actors/system_processes.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedMachine, type SimulatedProcess } from "../../actors/simulation/processes.ts";
import { DirectoryLock } from "../../runtime/checkpoint/lock.ts";
import { write } from "../disk/conformance.ts";
import { refuses } from "./conformance.ts";

const locks = suite("directory lock");

/** A folder on a simulated machine, and processes that take its lock. */
async function folder(machine: SimulatedMachine = new SimulatedMachine()) {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("/state");
  let takes = 0;
  const take = (processes: SimulatedProcess): Promise<DirectoryLock> =>
    DirectoryLock.take({ disk, processes, random: new SeededRandom(takes++) }, "/state", "orders");
  return { disk, machine, take };
}

locks("names the live owner and the remedy", async () => {
  const { take, machine, disk } = await folder();
  const owner = machine.start(11);
  const other = machine.start(12);
  await take(owner);
  assert.is(
    await refuses("CHECKPOINTS_IN_USE", take(other)),
    "Cannot use /state for checkpoints: process 11 on simulated runs job orders with it; " +
      "stop that process first, or give this job " +
      "a folder of its own",
  );
  assert.match(await refuses("CHECKPOINTS_IN_USE", take(owner)), /: this process runs job orders with it; stop that run first/);
  assert.equal([...disk.files().keys()], ["/state/lock"]);
});

locks("is taken over when its owner is gone, also when another process has its number now", async () => {
  const { take, machine, disk } = await folder();
  const first = machine.start(11);
  await take(first);
  first.kill();
  const second = machine.start(12);
  await take(second);
  second.kill();
  await take(machine.start(11));
  machine.reboot();
  // The same number again, as after a start of the machine or in a container.
  const fourth = machine.start(11);
  await take(fourth);
  await refuses("CHECKPOINTS_IN_USE", take(machine.start(13)));
  assert.equal([...disk.files().keys()], ["/state/lock"]);
});

locks("is not taken over while the owner may live: on another machine, or where starts are not known", async () => {
  const { take, machine, disk } = await folder();
  const silent = machine.start(11, false);
  await take(silent);
  await refuses("CHECKPOINTS_IN_USE", take(machine.start(12)));
  silent.kill();
  machine.start(11);
  await refuses("CHECKPOINTS_IN_USE", take(machine.start(13)));
  await disk.remove("/state/lock");

  const elsewhere = new SimulatedMachine("elsewhere").start(21);
  const there = await take(elsewhere);
  elsewhere.kill();
  const message = await refuses("CHECKPOINTS_IN_USE", take(machine.start(14)));
  assert.match(message, /process 21 on elsewhere .*; if that machine is gone for good, remove \/state\/lock; else/);
  await there.release();
  await take(machine.start(15));
});

locks("is free once it was released, and releasing twice frees nothing of the next owner's", async () => {
  const { take, machine } = await folder();
  const first = await take(machine.start(1));
  await first.release();
  await take(machine.start(2));
  await first.release();
  await refuses("CHECKPOINTS_IN_USE", take(machine.start(3)));
});

locks("says which file to remove when it cannot be read", async () => {
  const { take, machine, disk } = await folder();
  for (const content of ["", "{}", '{"crc32":"00000000","content":{}}\n']) {
    await write(disk, "/state/lock", content);
    const message = await refuses("CHECKPOINTS_IN_USE", take(machine.start(100 + content.length)));
    assert.match(message, /its lock \/state\/lock does not say who holds it: .*; when no job uses the folder, remove that file/);
  }
  assert.equal([...disk.files().keys()], ["/state/lock"]);
});

locks("tidies up what dead takers left", async () => {
  const { take, machine, disk } = await folder();
  const nonce = "0123456789abcdef".repeat(2);
  await write(disk, `/state/lock.${nonce}`, "x");
  await write(disk, `/state/lock.after-${nonce}`, "x");
  await write(disk, "/state/lock.notes", "x");
  await take(machine.start(1));
  assert.equal([...disk.files().keys()], ["/state/lock", "/state/lock.notes"]);
});

locks("works when tidying up is not possible", async () => {
  const { take, machine, disk } = await folder();
  disk.inject = ({ action }) => action === "rename" ? "denied" : undefined;
  for (let generation = 0; generation < 4; generation++) {
    const owner = machine.start(generation);
    const lock = await take(owner);
    await refuses("CHECKPOINTS_IN_USE", take(machine.start(100 + generation)));
    if (generation === 2) await lock.release();
    owner.kill();
  }
});

/**
 * Processes on one machine that take, hold, release and die at random times, while every disk operation takes a random time.
 * Gives how often the lock was taken, and taken over from the dead.
 */
async function scramble(seed: number): Promise<{ readonly taken: number; readonly overtaken: number; readonly killed: number }> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const machine = new SimulatedMachine();
  const base = new SimulatedDisk({ random: random.fork("disk") });
  await base.makeDirectory("/state");
  const options = { clock, minLatencyMs: 0, maxLatencyMs: 5, random: random.fork("latency") };
  const living = new Set<number>();
  let owner: number | undefined;
  let taken = 0;
  let overtaken = 0;
  let killed = 0;
  let diedOwning = false;
  const sleep = (delayMs: number): Promise<void> => new Promise((resolve) => void clock.setTimer(delayMs, resolve));

  const live = async (pid: number): Promise<void> => {
    await sleep(random.next() * 10);
    // Numbers come again: three for all.
    const number = pid % 3;
    if (living.has(number)) return;
    living.add(number);
    const process = machine.start(number);
    const disk = base.handle(options);
    let dead = false;
    const die = (): void => {
      if (dead) return;
      dead = true;
      disk.detach();
      process.kill();
      living.delete(number);
      if (owner === pid) {
        owner = undefined;
        diedOwning = true;
      }
    };
    if (random.chance(0.5)) {
      clock.setTimer(random.next() * 60, () => {
        killed++;
        die();
      });
    }
    try {
      const lock = await DirectoryLock.take(
        { disk, processes: process, random: random.fork(`process ${pid}`) },
        "/state",
        "orders",
      );
      if (dead) return;
      assert.is(owner, undefined, `seed ${seed}: process ${pid} holds the lock beside process ${owner}`);
      owner = pid;
      taken++;
      if (diedOwning) overtaken++;
      diedOwning = false;
      await sleep(random.next() * 20);
      if (dead) return;
      owner = undefined;
      await lock.release();
    } catch (error) {
      if (error instanceof assert.Assertion) throw error;
      if (!dead && (error as { code?: string }).code !== "CHECKPOINTS_IN_USE") throw error;
    } finally {
      die();
    }
  };
  const lives = Promise.all(Array.from({ length: 40 }, (_, pid) => sleep(random.next() * 400).then(() => live(pid))));
  let done = false;
  const finished = lives.finally(() => done = true);
  finished.catch(() => {});
  while (!done) {
    await settled();
    if (!done && !clock.runNext()) break;
  }
  await finished;
  // Whatever happened, the folder is not lost.
  machine.reboot();
  await DirectoryLock.take({ disk: base, processes: machine.start(77), random: random.fork("last") }, "/state", "orders");
  return { taken, overtaken, killed };
}

locks("is held by at most one living process, whoever takes it and dies whenever", async () => {
  let [taken, overtaken, killed] = [0, 0, 0];
  for (let seed = 0; seed < 150; seed++) {
    const run = await scramble(seed);
    taken += run.taken;
    overtaken += run.overtaken;
    killed += run.killed;
  }
  assert.ok(
    taken > 1_000 && overtaken > 80 && killed > 1_000,
    `taken ${taken}, overtaken ${overtaken}, killed ${killed}: too tame`,
  );
});

locks("knows this process, and that processes which ended are gone", async () => {
  const processes = systemProcesses();
  const self = await processes.self();
  assert.is(self.pid, process.pid);
  assert.equal(await processes.lookUp(self.pid), { kind: "running", startedAt: self.startedAt });
  // Numbers end at 4,194,304 on Linux and earlier elsewhere.
  assert.equal(await processes.lookUp(0x3fff_ffff), { kind: "gone" });
  assert.ok(processes.host.length > 0);
  assert.is(systemDisk(), systemDisk());
  assert.is.not(systemRandom().id(), systemRandom().id());
});

locks.run();
