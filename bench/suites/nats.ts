/** How many records per second, and per second of processor time, does keyed-count do on two workers over NATS? */
import type { ChannelOptions } from "../../mod.ts";
import { provideNatsServer } from "../../test/nats/server.ts";
import { checkAnswer } from "../jobs/replay.ts";
import { type OverNats, runOverNats } from "../nats_cluster.ts";
import { runNatsPeers } from "../peer_runs.ts";
import { runMsgpackr, runRawNats } from "../raw_nats.ts";
import { type Column, type Figures, number, type Report } from "../report.ts";
import type { Effort } from "../suite.ts";

/** Largest frames in records, and what a receiver takes of a channel in bytes. */
const sizes: readonly ChannelOptions[] = [
  { frameRecords: 128, windowBytes: 65_536 },
  { frameRecords: 512, windowBytes: 65_536 },
  { frameRecords: 512, windowBytes: 262_144 },
  { frameRecords: 2_048, windowBytes: 262_144, frameBytes: 131_072 },
  { frameRecords: 4_096, windowBytes: 524_288, frameBytes: 262_144 },
  { frameRecords: 4_096, windowBytes: 1_048_576, frameBytes: 262_144 },
];

export async function run(report: Report, effort: Effort): Promise<void> {
  const server = provideNatsServer((line) => report.say(line));
  if ("reason" in server) throw new Error(server.reason);
  report.begin(
    `keyed-count on two workers, one slot each, over nats-server ${server.version}; processor time of workers and server`,
  );
  if (effort.peers) return await runNatsPeers(report, effort);
  const [warm, seconds] = effort.quick ? [2, 2] : [5, effort.seconds];
  const measured = async (options: Partial<OverNats>): Promise<Figures> => {
    const figures = await runOverNats({ mode: "none", warm, seconds, ...options });
    checkAnswer("sluice", "keyed-count", figures as unknown as Parameters<typeof checkAnswer>[2]);
    return report.add(figures);
  };
  const rows: Figures[] = [];
  for (const mode of effort.quick ? ["unaligned"] : ["none", "aligned", "unaligned"]) {
    const every = mode === "none" ? "no checkpoints" : `${mode}, every 1000 ms`;
    rows.push({ ...await measured({ mode }), side: `sluice: ${every}` });
  }
  rows.push({ ...report.add(await runRawNats(256, seconds)), side: "bare NATS, messages of 256 records" });
  rows.push({ ...report.add(runMsgpackr(256, seconds)), side: "msgpackr alone, packed and unpacked" });
  report.table(columns, rows, "half of the records cross in ours, all of them in the others");
  if (effort.quick) return;
  const sweep: Figures[] = [];
  for (const channels of sizes) {
    const { frameRecords, windowBytes } = channels;
    sweep.push({
      ...await measured({ channels }),
      side: `frames of ${frameRecords}, windows of ${Number(windowBytes) / 1_024} KB`,
    });
  }
  report.table(columns, sweep, "by size of frames and windows");
}

const columns: readonly Column[] = [
  ["side", (row) => String(row["side"])],
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["CPU s per M", (row) => number(row["cpuSecondsPerMillion"], 3)],
  ["server's", (row) => number(row["serverCpuSecondsPerMillion"], 3)],
  ["CPUs", (row) => number(row["cpuCores"])],
];
