/** How long until records flow again after an operator threw, and after the process was killed, by state size? */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../../mod.ts";
import { checkpointSpreads, followCheckpoints } from "../checkpoint_figures.ts";
import { Child } from "../child.ts";
import { expectedChecksum, recoveryJob } from "../jobs/recovery.ts";
import { runPeer } from "../peer.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import { spread } from "../spread.ts";
import type { Effort } from "../suite.ts";

export async function run(report: Report, effort: Effort): Promise<void> {
  const sizes = effort.quick ? [1_000] : [1_000, 100_000, 1_000_000];
  const failures = effort.quick ? 2 : 5;
  const kills = effort.quick ? 1 : 3;
  report.begin(
    "keyed-count with a checkpoint every 500 ms; throws: in memory, delay 0; kills: SIGKILL, file storage, a new process",
  );
  const rows: Figures[] = [];
  for (const keys of sizes) {
    rows.push(report.add(await measureThrows(keys, Math.max(effort.quick ? 1_000_000 : 5_000_000, keys * 8), failures)));
    rows.push(report.add(await measureKills(keys, kills)));
  }
  report.table(columns, rows);
  if (!effort.peers) return;
  const records = 5_000_000;
  const own = report.add(await measureThrows(1_000, records, failures));
  const theirs = report.add(await runPeer("flink", "recovery", { records, failures, mode: "unaligned" }));
  if (theirs["checksum"] !== own["checksum"]) throw new Error(`Flink came to ${theirs["checksum"]}, we to ${own["checksum"]}`);
  const times = (spreadOf(theirs, "throwToFirstProcessedUs")?.p50 ?? NaN) /
    (spreadOf(own, "throwToFirstProcessedUs")?.p50 ?? NaN);
  report.say(`after a throw the first record is processed ${number(times, 1)} times as soon as in Flink; same checksum`);
}

const columns: readonly Column[] = [
  ["keys", (row) => (row["keys"] as number).toLocaleString("en")],
  ["failure", (row) => String(row["failure"])],
  ["times", (row) => String(row["failures"])],
  ["p50 ms", (row) => number((spreadOf(row, "throwToFirstProcessedUs")?.p50 ?? NaN) / 1_000, 1)],
  ["max ms", (row) => number((spreadOf(row, "throwToFirstProcessedUs")?.max ?? NaN) / 1_000, 1)],
  ["state bytes", (row) => number(spreadOf(row, "stateBytes")?.max, 0)],
  ["exact", (row) => String(row["exact"] ?? "")],
];

/** The map throws at records spread over the stream, each once; then every key's total is compared with a replay. */
async function measureThrows(keys: number, records: number, failures: number): Promise<Figures> {
  const due = Array.from({ length: failures }, (_, i) => Math.floor(records / (failures + 1) * (i + 1)));
  const tookUs: number[] = [];
  let thrownAt: number | undefined;
  let attempts = 0;
  const totals = new Map<number, number>();
  const job = recoveryJob({
    keys,
    records,
    onRecord(n) {
      if (n < (due[0] ?? Infinity)) return;
      due.shift();
      thrownAt = performance.now();
      throw new Error(`on purpose, at record ${n}`);
    },
    onTotal({ key, count, sum }) {
      totals.set(key, count + sum);
      if (thrownAt === undefined || attempts <= tookUs.length) return;
      tookUs.push((performance.now() - thrownAt) * 1_000);
      thrownAt = undefined;
    },
  });
  await using run = await start(job, {
    checkpoints: { mode: "unaligned", intervalMs: 500 },
    restart: { kind: "fixed-delay", maxRestarts: failures + 1, delayMs: 0 },
    log: () => {},
  });
  void (async () => {
    for await (const event of run.events) if (event.kind === "restarting") attempts++;
  })();
  const completed = followCheckpoints(run);
  await run.finished;
  let checksum = 0;
  for (const [key, total] of totals) checksum += (key + 1) * total;
  const exact = checksum === expectedChecksum(keys, records);
  if (!exact) throw new Error(`the totals of ${keys} keys are not those of a replay: checksum ${checksum}`);
  const { stateBytes } = checkpointSpreads(completed);
  const took = { throwToFirstProcessedUs: spread(tookUs), throwToFirstProcessedEachUs: tookUs };
  return {
    workload: "recovery",
    mode: "unaligned",
    failure: "throw",
    keys,
    records,
    failures: tookUs.length,
    exact,
    checksum,
    ...took,
    stateBytes,
  };
}

/** From the kill of one process to the first record that the next one processes; starting the process counts. */
async function measureKills(keys: number, kills: number): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const tookUs: number[] = [];
  let child = new Child("recovering", [directory, String(keys)]);
  try {
    for (let kill = 0; kill < kills; kill++) {
      await child.line("checkpoint");
      const killedAt = performance.now();
      await child.kill();
      child = new Child("recovering", [directory, String(keys)]);
      await child.line("first record");
      tookUs.push((performance.now() - killedAt) * 1_000);
    }
  } finally {
    await child.kill();
    await rm(directory, { recursive: true, force: true });
  }
  return {
    workload: "recovery",
    mode: "unaligned",
    failure: "kill",
    keys,
    failures: kills,
    throwToFirstProcessedUs: spread(tookUs),
  };
}
