import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { jsonlSink } from "../../runtime/connectors/jsonl_sink.ts";
import { ConnectorWorld } from "./connector_world.ts";
import { recordsOf } from "./part_folder.ts";
import { sameRecords, SinkJob } from "./sink_job.ts";

const folder = "/data/out";
let ends = 0;
const crashes = suite("JSONL sink: crashes");

/** Runs a job to its end on disks that `next` gives when an attempt has failed; checks what can be seen after every failure. */
async function runToEnd(
  label: string,
  first: SimulatedDisk,
  next: (dead: SimulatedDisk) => SimulatedDisk,
): Promise<SimulatedDisk> {
  const job = new SinkJob(jsonlSink(folder));
  for (let disk = first;;) {
    const world = new ConnectorWorld(() => disk);
    try {
      await job.attempt(world, async () => {
        sameRecords(recordsOf(disk.files()), job.completedRecords, `${label}: restored`);
      });
      sameRecords(recordsOf(disk.files()), SinkJob.records, `${label}: at the end`);
      const later = disk.handle({ random: new SeededRandom(ends++) }).crash();
      sameRecords(recordsOf(later.files()), SinkJob.records, `${label}: after a power failure at the end`);
      return disk;
    } catch (error) {
      if ((error as { code?: string }).code !== "SINK_FAILED") throw error;
      assert.ok(job.store.attempts < 500, `${label}: gets nowhere`);
    }
    disk = next(disk);
    const seen = new Set(recordsOf(disk.files()));
    const complete = new Set<unknown>(job.completedRecords);
    assert.ok(
      [...seen].every((record) => complete.has(record)),
      `${label}: something is visible before its checkpoint is complete`,
    );
  }
}

function nothingHidden(disk: SimulatedDisk, label: string): void {
  const left = [...disk.files().keys()].filter((path) => !path.startsWith(`${folder}/part-`));
  assert.equal(left, [], `${label}: something is left behind`);
}

crashes("without any, every record is seen once and nothing else is left in the folder", async () => {
  const disk = await runToEnd("no crash", new SimulatedDisk(), () => assert.unreachable() as never);
  nothingHidden(disk, "no crash");
});

crashes("power failure at every operation: the restore shows exactly what is complete, the end every record once", async () => {
  const disk = await runToEnd("no crash", new SimulatedDisk(), () => assert.unreachable() as never);
  const operations = disk.operations;
  assert.ok(operations > 80, `only ${operations} operations`);
  let failed = 0;
  for (let at = 1; at <= operations; at++) {
    for (let seed = 0; seed < 4; seed++) {
      const disk = new SimulatedDisk({ random: new SeededRandom(seed * 1_000 + at) });
      disk.failPowerAt(at);
      const label = `power failure at ${at}, seed ${seed}`;
      const end = await runToEnd(label, disk, (dead) => {
        failed++;
        return dead.crash();
      });
      nothingHidden(end, label);
    }
  }
  assert.ok(failed > operations * 3, `only ${failed} failures`);
});

crashes("the process killed at every operation, and again in the restore", async () => {
  const { operations } = await runToEnd("no crash", new SimulatedDisk(), () => assert.unreachable() as never);
  const killAt = (disk: SimulatedDisk, at: number): SimulatedDisk => {
    disk.inject = ({ index }) => {
      if (index < at) return undefined;
      disk.detach();
      return "io";
    };
    return disk;
  };
  for (let at = 1; at <= operations; at++) {
    const again = [1 + at * 7 % 60, Infinity];
    const label = `killed at ${at} and ${again[0]}`;
    const end = await runToEnd(label, killAt(new SimulatedDisk(), at), (dead) => killAt(dead.handle({}), again.shift()!));
    nothingHidden(end, label);
  }
});

crashes("power failures again and again, also in the middle of a restore", async () => {
  for (let seed = 0; seed < 120; seed++) {
    const random = new SeededRandom(seed);
    const arm = (disk: SimulatedDisk): SimulatedDisk => {
      if (random.chance(0.8)) disk.failPowerAt(1 + random.int(60));
      return disk;
    };
    await runToEnd(`seed ${seed}`, arm(new SimulatedDisk({ random: random.fork("disk") })), (dead) => arm(dead.crash()));
  }
});

crashes("a disk that is faulty, torn and full now and then, with power failures between", async () => {
  for (let seed = 0; seed < 120; seed++) {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk({ random: random.fork("disk") });
    disk.rates = { io: 0.01, torn: 0.02, full: 0.02 };
    let failures = 0;
    await runToEnd(`seed ${seed}`, disk, (failed) => {
      const next = random.chance(0.3) ? failed.crash({ random: random.fork(`disk ${failures}`) }) : failed;
      next.rates = ++failures > 30 ? {} : { io: 0.01, torn: 0.02, full: 0.02 };
      return next;
    });
  }
});

crashes.run();
