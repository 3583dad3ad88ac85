import { SluiceError } from "../../actors/error.ts";
import type { LogicalGraph } from "./logical.ts";

/** The most subtasks an operator can have. */
export const maxParallelism = 32_768;

/** A number for all operators that do not say their own, or a number for each of some uids; the others keep theirs. */
export type Parallelism = number | Readonly<Record<string, number>>;

/**
 * The graph with the parallelism of some operators set, by uid.
 *
 * @throws {SluiceError} `BAD_PARALLELISM` for a uid that the graph does not have; numbers are the planner's to check
 */
export function withParallelism(graph: LogicalGraph, byUid: Readonly<Record<string, number>>): LogicalGraph {
  const unknown = Object.keys(byUid).filter((uid) => !graph.operators.some(({ id }) => id === uid));
  if (unknown.length > 0) {
    throw new SluiceError("BAD_PARALLELISM", `job ${graph.name} has no operator ${unknown.join(", ")} to set the parallelism of`);
  }
  const operators = graph.operators.map((operator) => ({
    ...operator,
    parallelism: Object.hasOwn(byUid, operator.id) ? byUid[operator.id] : operator.parallelism,
  }));
  return { ...graph, operators };
}
