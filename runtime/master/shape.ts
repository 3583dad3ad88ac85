import type { LogicalGraph } from "../graph/logical.ts";
import { type Parallelism, withParallelism } from "../graph/parallelism.ts";
import { plan } from "../graph/planner.ts";
import type { Settle } from "./master_control.ts";

/** What is deployed: a graph, and the parallelism of operators that have none of their own. */
export interface Shape {
  readonly graph: LogicalGraph;
  readonly parallelism: number;
}

/** A change of parallelism under way; `attempt` is the first that has it. */
export interface Rescaling {
  readonly shape: Shape;
  readonly settle: Settle<void>;
  attempt: number | undefined;
}

/**
 * The same graph with another parallelism.
 *
 * @throws {SluiceError} `BAD_PARALLELISM`
 */
export function reshaped(shape: Shape, parallelism: Parallelism): Shape {
  const other = typeof parallelism === "number"
    ? { graph: shape.graph, parallelism }
    : { graph: withParallelism(shape.graph, parallelism), parallelism: shape.parallelism };
  plan(other.graph, other);
  return other;
}
