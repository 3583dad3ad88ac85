/** How long from the start of a process to the first record at the sink, and how much memory is taken when nothing runs? */
import { thisRuntime } from "../machine.ts";
import { runStartupPeers } from "../peer_runs.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import { spread } from "../spread.ts";
import { buildPackage, type Form, runStarting } from "../starting.ts";
import type { Effort } from "../suite.ts";

export async function run(report: Report, effort: Effort): Promise<void> {
  // Deno and Bun run the sources as they are; on Node a loader does, which the published package does not need.
  const forms: readonly Form[] = thisRuntime().name === "node" ? ["built", "unbuilt"] : ["unbuilt"];
  if (forms.includes("built")) buildPackage();
  if (effort.peers) {
    report.begin("start and idle memory beside other engines");
    return await runStartupPeers(report, effort, forms[0] as Form);
  }
  const times = effort.quick ? 2 : 7;
  report.begin(`${times} processes each, one after the other; memory three seconds after a job of 100,000 records was over`);
  const measured = forms.map((): Figures[] => []);
  for (let nth = 0; nth < times; nth++) {
    for (const [index, form] of forms.entries()) measured[index]?.push(await runStarting(form));
  }
  const rows = forms.map((form, index) => {
    const of = (name: string) => spread((measured[index] ?? []).map((figures) => figures[name] as number));
    const took = { processStartToFirstRecordMs: of("processStartToFirstRecordMs"), idleRssMiB: of("idleRssMiB") };
    return report.add({ workload: "startup", form, ...took });
  });
  report.table(columns, rows);
}

const columns: readonly Column[] = [
  ["form", (row) => String(row["form"])],
  ["p50 ms", (row) => number(spreadOf(row, "processStartToFirstRecordMs")?.p50, 0)],
  ["max ms", (row) => number(spreadOf(row, "processStartToFirstRecordMs")?.max, 0)],
  ["idle MiB", (row) => number(spreadOf(row, "idleRssMiB")?.p50, 0)],
];
