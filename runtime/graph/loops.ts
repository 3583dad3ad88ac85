import type { LogicalGraph } from "./logical.ts";

/** What lies in a loop of a graph. */
export interface Loop {
  /** The id of its head: where feedback comes in. */
  readonly id: string;
  /** Ids of the operators on a way from the head back to it, in the graph's order: the head first. */
  readonly operators: readonly string[];
}

/** The loops of a graph, or why it must not have them. */
export type Loops =
  | { readonly kind: "loops"; readonly loops: readonly Loop[] }
  | { readonly kind: "refused"; readonly problem: string };

/**
 * Finds the loops of a graph whose feedback edges go back and whose other edges go forward.
 *
 * Refused are loops that share operators (one within another, say), feedback that does not come from its own loop, and
 * watermark generators in a loop: they let no watermark through, so the loop's end would never be known behind them.
 */
export function loopsOf(graph: LogicalGraph): Loops {
  const heads = new Map<string, string[]>();
  for (const { from, to, feedback } of graph.edges) {
    if (feedback) heads.set(to, [...heads.get(to) ?? [], from]);
  }
  const loops: Loop[] = [];
  const inLoop = new Map<string, string>();
  for (const [id, tails] of heads) {
    const reached = reach([id], graph, "forward");
    const returning = reach(tails, graph, "backward");
    const operators = graph.operators.map((operator) => operator.id).filter((of) => reached.has(of) && returning.has(of));
    const stray = tails.find((tail) => !reached.has(tail));
    if (stray !== undefined) return refused(`the feedback of loop ${id} comes from ${stray}, which lies outside of it`);
    for (const operator of operators) {
      const other = inLoop.get(operator);
      if (other !== undefined) return refused(`loops ${other} and ${id} both go through ${operator}; loops cannot be nested`);
      inLoop.set(operator, id);
    }
    loops.push({ id, operators });
  }
  for (const { id, kind, role } of graph.operators) {
    if (heads.has(id) && !(role.kind === "transform" && role.head)) {
      return refused(`feedback goes to ${id}, which is no head of a loop`);
    }
    if (kind === "watermarks" && inLoop.has(id)) {
      return refused(
        `loop ${inLoop.get(id)} has ${id} in it, which lets no watermark through; call .watermarks() before the loop`,
      );
    }
  }
  return { kind: "loops", loops };
}

/** The operators that can be reached along edges that are no feedback, the starting ones included. */
function reach(from: readonly string[], graph: LogicalGraph, way: "forward" | "backward"): ReadonlySet<string> {
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) {
    if (edge.feedback) continue;
    const [begin, end] = way === "forward" ? [edge.from, edge.to] : [edge.to, edge.from];
    next.set(begin, [...next.get(begin) ?? [], end]);
  }
  const reached = new Set(from);
  for (const id of reached) for (const other of next.get(id) ?? []) reached.add(other);
  return reached;
}

function refused(problem: string): Loops {
  return { kind: "refused", problem };
}
