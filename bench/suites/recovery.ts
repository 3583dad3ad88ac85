/** How long until records flow again after an operator threw, and after the process was killed, by state size? */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../child.ts";
import { runRecoveryPeers } from "../peer_runs.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import { spread } from "../spread.ts";
import type { Effort } from "../suite.ts";
import { runThrowing } from "../throwing.ts";

export async function run(report: Report, effort: Effort): Promise<void> {
  if (effort.peers) {
    report.begin("recovery beside other engines, parallelism 2, each run in a process of its own");
    return await runRecoveryPeers(report, effort);
  }
  const sizes = effort.quick ? [1_000] : [1_000, 100_000, 1_000_000];
  const failures = effort.quick ? 2 : 5;
  const kills = effort.quick ? 1 : 3;
  report.begin(
    "keyed-count with a checkpoint every 500 ms; throws: in memory, delay 0; kills: SIGKILL, file storage, a new process",
  );
  const rows: Figures[] = [];
  for (const keys of sizes) {
    rows.push(
      report.add(await runThrowing({ keys, records: Math.max(effort.quick ? 1_000_000 : 5_000_000, keys * 8), failures })),
    );
    rows.push(report.add(await measureKills(keys, kills)));
  }
  report.table(columns, rows);
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
