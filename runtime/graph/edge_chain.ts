import type { TSchema } from "@sinclair/typebox";
import { hashString, hex } from "./hash.ts";
import { connectorOf, type LogicalOperator } from "./logical.ts";
import type { Plan, PlannedEdge } from "./plan.ts";

/** Operators that hand records on as they came. */
const handsOn: ReadonlySet<string> = new Set(["filter", "watermarks"]);

/** What is known of the records on an edge: their schema where there is one, and a hash of what makes them. */
export interface EdgeRecords {
  readonly schema: TSchema | undefined;
  /**
   * 16 hexadecimal digits of the operators above, each with its id, kind and connector, up to those that have a schema: where
   * it is the same, the same operators make the records.
   */
  readonly chain: string;
}

interface Input {
  readonly from: string;
  readonly side: string | undefined;
  readonly port: number;
}

/** By plan, which never changes: every checkpoint that holds records under way asks. */
const known = new WeakMap<Plan, (edge: PlannedEdge) => EdgeRecords>();

/** What is known of the records on the edges of a plan (protocol 11.2). The same whatever is fused. */
export function edgeRecords(plan: Plan): (edge: PlannedEdge) => EdgeRecords {
  let recordsOf = known.get(plan);
  if (recordsOf === undefined) {
    const found = new Map<PlannedEdge, EdgeRecords>();
    const findOut = lookIn(plan);
    recordsOf = (edge) => {
      let records = found.get(edge);
      if (records === undefined) found.set(edge, records = findOut(edge));
      return records;
    };
    known.set(plan, recordsOf);
  }
  return recordsOf;
}

function lookIn(plan: Plan): (edge: PlannedEdge) => EdgeRecords {
  const operators = new Map<string, LogicalOperator>();
  const inputs = new Map<string, Input[]>();
  const add = (to: string, input: Input) => inputs.set(to, [...inputs.get(to) ?? [], input]);
  for (const task of plan.tasks) {
    for (const operator of task.operators) operators.set(operator.id, operator);
    for (const { from, to, side } of task.links) add(to, { from, side, port: 0 });
  }
  for (const { fromOperator: from, toOperator: to, side, port } of plan.edges) add(to, { from, side, port });

  const schemaOf = (id: string, side: string | undefined, seen: ReadonlySet<string>): TSchema | undefined => {
    const operator = operators.get(id);
    if (operator === undefined || side !== undefined || seen.has(id)) return undefined;
    if (operator.emits !== undefined || !handsOn.has(operator.kind)) return operator.emits;
    const [input, ...others] = inputs.get(id) ?? [];
    return input === undefined || others.length > 0 ? undefined : schemaOf(input.from, input.side, new Set([...seen, id]));
  };
  const describe = (id: string, whole: boolean): unknown => {
    const operator = operators.get(id);
    if (operator === undefined) return [id];
    if (operator.emits !== undefined && !whole) return [id, JSON.stringify(operator.emits)];
    const from = (inputs.get(id) ?? []).map((input) => JSON.stringify([input.from, input.side ?? "", input.port])).sort();
    return [id, operator.kind, operator.role.kind, connectorOf(operator.role), ...from];
  };
  // Over the set of those above, so that it does not matter where one enters a loop, nor in which order anything was planned.
  const chainOf = (id: string, side: string | undefined): string => {
    const found = new Map([[id, JSON.stringify(describe(id, true))]]);
    const toLookAt = [id];
    for (let next = toLookAt.pop(); next !== undefined; next = toLookAt.pop()) {
      if (next !== id && operators.get(next)?.emits !== undefined) continue;
      for (const { from } of inputs.get(next) ?? []) {
        if (found.has(from)) continue;
        found.set(from, JSON.stringify(describe(from, false)));
        toLookAt.push(from);
      }
    }
    return digest(JSON.stringify([id, side ?? "", ...[...found.values()].sort()]));
  };
  return ({ fromOperator, side }) => ({ schema: schemaOf(fromOperator, side, new Set()), chain: chainOf(fromOperator, side) });
}

function digest(text: string): string {
  return hex(hashString(text, 0x65646765)) + hex(hashString(text, 0x63686169));
}
