/** How long from the start of a process to the first record at the sink, and how much memory does an idle job take? */
import { Child } from "../child.ts";
import { runPeer } from "../peer.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import { spread } from "../spread.ts";
import type { Effort } from "../suite.ts";

export async function run(report: Report, effort: Effort): Promise<void> {
  const times = effort.quick ? 3 : 10;
  report.begin(`${times} processes, one after the other; unbuilt TypeScript, so on Node the loader's work is part of it`);
  const [firstMs, idleMiB]: [number[], number[]] = [[], []];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    const child = new Child("starting", []);
    await child.line("first record");
    firstMs.push(performance.now() - begin);
    idleMiB.push(Number((await child.line("idle")).split(" ")[1]));
    await child.kill();
  }
  const own = report.add({ workload: "startup", processStartToFirstRecordMs: spread(firstMs), idleRssMiB: spread(idleMiB) });
  const rows: Figures[] = [own];
  if (effort.peers) {
    for (const peer of ["flink", "jet"] as const) {
      const { jvmStartToFirstRecordMs, idleRssMiB, ...theirs } = await runPeer(peer, "startup", {});
      const took = {
        processStartToFirstRecordMs: spread([Number(jvmStartToFirstRecordMs)]),
        idleRssMiB: spread([Number(idleRssMiB)]),
      };
      rows.push(report.add({ ...theirs, ...took }));
    }
  }
  report.table(columns, rows);
}

const columns: readonly Column[] = [
  ["engine", (row) => String(row.engine)],
  ["p50 ms", (row) => number(spreadOf(row, "processStartToFirstRecordMs")?.p50, 0)],
  ["max ms", (row) => number(spreadOf(row, "processStartToFirstRecordMs")?.max, 0)],
  ["idle MiB", (row) => number(spreadOf(row, "idleRssMiB")?.p50, 0)],
];
