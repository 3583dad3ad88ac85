import type { RestorePlan } from "../master/restore_plan.ts";
import { table } from "./table.ts";

/** A plan of a restore as lines for people. */
export function describeRestore(plan: RestorePlan): readonly string[] {
  const { location, checkpoint, job, operators, edges, problems, warnings } = plan;
  const lines = [`from ${location}: checkpoint ${checkpoint} of job ${job}`, ""];
  const rows = operators.flatMap(({ uid, action, oldParallelism, parallelism, stateBytes, states }) => [
    [uid, action, `${oldParallelism ?? "-"} -> ${parallelism ?? "-"}`, `${stateBytes}`, ""],
    ...states.map(({ name, action, note }) => [`  ${name}`, action, "", "", note ?? ""]),
  ]);
  lines.push(...table(["OPERATOR, STATE", "", "SUBTASKS", "BYTES", ""], rows));
  if (edges.length > 0) {
    lines.push(
      "",
      ...table(["EDGE", "", "RECORDS", ""], edges.map(({ id, action, records, note }) => [id, action, `${records}`, note ?? ""])),
    );
  }
  for (const warning of warnings) lines.push("", `warning: ${warning}`);
  if (problems.length === 0) return [...lines, "", "it can be restored"];
  return [...lines, "", "it cannot be restored:", ...problems.map((problem) => `- ${problem}`)];
}
