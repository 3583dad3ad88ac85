import { SluiceError } from "../../actors/error.ts";
import { hashString, hex } from "./hash.ts";
import { connectorOf, type LogicalEdge, type LogicalGraph, type LogicalOperator, type Partitioner } from "./logical.ts";
import { type Loop, loopsOf } from "./loops.ts";
import { maxParallelism } from "./parallelism.ts";
import type { Plan, PlannedEdge, PlannedTask } from "./plan.ts";

/** What a plan depends on besides the graph. */
export interface PlanOptions {
  /** The parallelism of operators that have none of their own: a whole number of at least 1. */
  readonly parallelism: number;
  /** Ids of edges that are not to be fused, because a snapshot to be restored holds records under way on them. */
  readonly keepEdges?: ReadonlySet<string>;
}

/**
 * The plan of a graph: which operators run as one task, and which channels join the tasks.
 *
 * - **Partitioning:** a forward edge between operators of unequal parallelism becomes a rebalance.
 * - **Fusion:** an operator joins the task of the one before it when a forward edge between operators of equal parallelism is its
 *   only input and it need not be the head of a task. Edges in `keepEdges` stay edges.
 * - **Order:** tasks and the operators in them stand in the graph's order, so every edge but feedback goes from an earlier task
 *   to a later one. The same graph and options give the same plan on every machine.
 * - **Loops:** a feedback edge is never fused, so the head of a loop is the head of a task.
 *
 * @throws {SluiceError} `BAD_PARALLELISM` for a parallelism that is no whole number from 1, or above the key groups for an
 * operator
 * that reads by key; `BAD_GRAPH` for edges that do not fit the operators
 */
export function plan(graph: LogicalGraph, options: PlanOptions): Plan {
  const { operators, keyGroups, name } = graph;
  const inputs = inputsOf(graph);
  const parallelism = new Map<string, number>();
  for (const operator of operators) {
    const own = operator.parallelism ?? options.parallelism;
    checkParallelism(operator, own, inputs.get(operator.id) ?? [], keyGroups);
    parallelism.set(operator.id, own);
  }
  const partitioner = (edge: LogicalEdge): Partitioner =>
    edge.partitioner.kind === "forward" && parallelism.get(edge.from) !== parallelism.get(edge.to)
      ? { kind: "rebalance" }
      : edge.partitioner;
  const fuses = (edge: LogicalEdge, to: LogicalOperator): boolean =>
    partitioner(edge).kind === "forward" && !(to.role.kind === "transform" && to.role.head) && !options.keepEdges?.has(edge.id);

  const drafts: Draft[] = [];
  const home = new Map<string, Draft>();
  const fused = new Set<LogicalEdge>();
  for (const operator of operators) {
    const [input, ...others] = inputs.get(operator.id) ?? [];
    if (input !== undefined && others.length === 0 && fuses(input, operator)) {
      const draft = home.get(input.from) as Draft;
      draft.operators.push(operator);
      draft.links.push({ from: input.from, to: operator.id, ...(input.side === undefined ? {} : { side: input.side }) });
      fused.add(input);
      home.set(operator.id, draft);
    } else {
      const draft: Draft = { index: drafts.length, operators: [operator], links: [] };
      drafts.push(draft);
      home.set(operator.id, draft);
    }
  }
  const grouped = groupedEdges(graph, partitioner);
  const edges = graph.edges.filter((edge) => !fused.has(edge)).map((edge, index): PlannedEdge => ({
    id: edge.id,
    index,
    from: (home.get(edge.from) as Draft).index,
    fromOperator: edge.from,
    to: (home.get(edge.to) as Draft).index,
    toOperator: edge.to,
    partitioner: partitioner(edge),
    mode: edge.mode,
    timed: edge.timed,
    feedback: edge.feedback ?? false,
    grouped: grouped.has(edge.id),
    side: edge.side,
    port: edge.port ?? 0,
  }));
  const tasks = drafts.map(({ index, operators, links }): PlannedTask => {
    const { id } = operators[0] as LogicalOperator;
    return {
      index,
      id,
      parallelism: parallelism.get(id) as number,
      operators,
      links,
      inputs: edges.filter((edge) => edge.to === index),
      outputs: edges.filter((edge) => edge.from === index),
    };
  });
  const loops = checkedLoops(graph).map(({ id, operators }) => {
    const indices = operators.map((operator) => (home.get(operator) as Draft).index);
    return { id, head: (home.get(id) as Draft).index, operators, tasks: [...new Set(indices)] };
  });
  return { name, tasks, edges, loops, keyGroups, hash: graphHash(graph) };
}

/** The edges whose records carry a key group: from a `keyBy` on, along forward edges, to the next re-partitioning. */
function groupedEdges(graph: LogicalGraph, partitioner: (edge: LogicalEdge) => Partitioner): ReadonlySet<string> {
  const grouped = new Set<string>();
  const below = new Set<string>();
  for (let known = -1; known < grouped.size;) {
    known = grouped.size; // once more while there is news: feedback edges go back
    for (const edge of graph.edges) {
      const { kind } = partitioner(edge);
      if (kind !== "keyBy" && !(kind === "forward" && below.has(edge.from))) continue;
      grouped.add(edge.id);
      below.add(edge.to);
    }
  }
  return grouped;
}

/** A task while it grows. */
interface Draft {
  readonly index: number;
  readonly operators: LogicalOperator[];
  readonly links: { readonly from: string; readonly to: string; readonly side?: string }[];
}

/** The edges into each operator, in the graph's order; checks that edges fit the operators and go forward. */
function inputsOf(graph: LogicalGraph): Map<string, LogicalEdge[]> {
  const place = new Map(graph.operators.map((operator, index) => [operator.id, index]));
  if (place.size !== graph.operators.length) throw badGraph(graph, "two operators have the same id");
  const inputs = new Map<string, LogicalEdge[]>();
  const ids = new Set<string>();
  for (const edge of graph.edges) {
    const from = place.get(edge.from);
    const to = place.get(edge.to);
    if (from === undefined || to === undefined) throw badGraph(graph, `edge ${edge.id} joins operators that are not there`);
    if (from >= to && !edge.feedback) {
      throw badGraph(graph, `edge ${edge.id} goes back to an operator that stands before its sender (loops go through iterate)`);
    }
    if (from < to && edge.feedback) throw badGraph(graph, `edge ${edge.id} is marked as feedback but goes forward`);
    if (ids.has(edge.id)) throw badGraph(graph, `two edges have the id ${edge.id}`);
    ids.add(edge.id);
    const others = inputs.get(edge.to);
    if (others === undefined) inputs.set(edge.to, [edge]);
    else others.push(edge);
  }
  for (const { id, role } of graph.operators) {
    const has = inputs.get(id)?.some((edge) => !edge.feedback) ?? false;
    if (has && role.kind === "source") throw badGraph(graph, `source ${id} has an input`);
    if (!has && role.kind !== "source") throw badGraph(graph, `operator ${id} has no input`);
  }
  return inputs;
}

function checkedLoops(graph: LogicalGraph): readonly Loop[] {
  const found = loopsOf(graph);
  if (found.kind === "refused") throw badGraph(graph, found.problem);
  return found.loops;
}

function badGraph(graph: LogicalGraph, problem: string): SluiceError {
  return new SluiceError("BAD_GRAPH", `the graph of job ${graph.name} makes no sense: ${problem}; build it with job()`);
}

function checkParallelism(
  operator: LogicalOperator,
  parallelism: number,
  inputs: readonly LogicalEdge[],
  keyGroups: number,
): void {
  const keyed = inputs.some((edge) => edge.partitioner.kind === "keyBy");
  const most = keyed ? Math.min(keyGroups, maxParallelism) : maxParallelism;
  if (Number.isSafeInteger(parallelism) && parallelism >= 1 && parallelism <= most) return;
  const why = keyed && parallelism > most
    ? `the number of key groups: more subtasks would have no key (a job's key groups are fixed for life by its option keyGroups)`
    : "a whole number";
  throw new SluiceError(
    "BAD_PARALLELISM",
    `operator ${operator.id} cannot run with parallelism ${parallelism}; give one from 1 to ${most}, ${why}`,
  );
}

/**
 * 16 hexadecimal digits that tell graphs apart: by the ids, kinds and roles of operators, and by the edges with their
 * partitioners.
 * Parallelism, modes and the order in which independent parts were declared do not count.
 */
export function graphHash(graph: LogicalGraph): string {
  const operators = graph.operators.map(({ id, kind, role }) => JSON.stringify([id, kind, role.kind, connectorOf(role)])).sort();
  const edges = graph.edges.map(({ id, from, to, partitioner, timed, feedback, side, port }) => {
    const label = "label" in partitioner ? partitioner.label ?? "" : "";
    const ends = side === undefined && port === undefined ? [] : [side ?? "", port ?? 0];
    return JSON.stringify([id, from, to, partitioner.kind, label, timed, ...(feedback ? ["feedback"] : []), ...ends]);
  }).sort();
  const text = JSON.stringify([operators, edges]);
  return hex(hashString(text, 0x736c7569)) + hex(hashString(text, 0x63650001));
}
