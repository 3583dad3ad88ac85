import type { LogicalOperator } from "./logical.ts";
import type { Plan, PlannedEdge, PlannedTask } from "./plan.ts";

/**
 * A plan for people to read, one line per task, operator and edge:
 *
 * ```text
 * job flights: 2 tasks, 128 key groups, graph 6f1d2c3b4a596877
 * task 0 "flights" x1
 *   flights (source json)
 *     flights/watermarks#1 (watermarks)
 *   -> task 1 by key "origin"
 * task 1 "per-day" x2
 *   per-day (window)
 *     out (sink stdout)
 * ```
 */
export function describePlan(plan: Plan): string {
  const lines = [`job ${plan.name}: ${plan.tasks.length} tasks, ${plan.keyGroups} key groups, graph ${plan.hash}`];
  for (const task of plan.tasks) {
    lines.push(`task ${task.index} "${task.id}" x${task.parallelism}`);
    lines.push(...operatorLines(task));
    for (const edge of task.outputs) lines.push(`  -> task ${edge.to} ${describeEdge(task, edge)}`);
  }
  return lines.join("\n");
}

/** The tree of operators below the head, each indented below the one it is fused to. */
function operatorLines(task: PlannedTask): string[] {
  const above = new Map(task.links.map(({ from, to }) => [to, from]));
  const below = new Map<string, LogicalOperator[]>();
  for (const operator of task.operators) {
    const from = above.get(operator.id) ?? "";
    below.set(from, [...below.get(from) ?? [], operator]);
  }
  const lines: string[] = [];
  const waiting = (below.get("") ?? []).map((operator) => ({ operator, depth: 1 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { operator, depth } = next;
    lines.push(`${"  ".repeat(depth)}${operator.id} (${roleText(operator)})`);
    const children = below.get(operator.id) ?? [];
    waiting.push(...children.toReversed().map((child) => ({ operator: child, depth: depth + 1 })));
  }
  return lines;
}

function roleText({ kind, role }: LogicalOperator): string {
  if (role.kind === "source") return `source ${role.source.kind}`;
  return role.kind === "sink" ? `sink ${role.sink.kind}` : kind;
}

function describeEdge(task: PlannedTask, edge: PlannedEdge): string {
  const { partitioner, mode, feedback } = edge;
  const how = partitioner.kind === "keyBy"
    ? partitioner.label === undefined ? "by key" : `by key "${partitioner.label}"`
    : partitioner.kind === "custom"
    ? `by "${partitioner.label}"`
    : partitioner.kind;
  const side = edge.side === undefined ? "" : ` "${edge.side}"`;
  const from = edge.fromOperator === task.id && side === "" ? "" : `, from ${edge.fromOperator}${side}`;
  return `${how}${mode === undefined ? "" : `, ${mode}`}${feedback ? ", feedback" : ""}${from}`;
}
