import type { EdgeMode, LogicalOperator, Partitioner } from "./logical.ts";

/** An edge between two tasks: a set of channels, one per sender and receiver (forward: one per pair of equal index). */
export interface PlannedEdge {
  readonly id: string;
  /** Its place in `Plan.edges`. */
  readonly index: number;
  /** Task index and operator id of the sender. */
  readonly from: number;
  readonly fromOperator: string;
  /** Task index and operator id of the receiver; the operator is always the head of its task. */
  readonly to: number;
  readonly toOperator: string;
  readonly partitioner: Partitioner;
  readonly mode: EdgeMode;
  readonly timed: boolean;
}

/** Operators fused into one task: a tree of plain calls below its head. */
export interface PlannedTask {
  readonly index: number;
  /** The head's id. */
  readonly id: string;
  readonly parallelism: number;
  /** Head first; every fused edge goes from an earlier one to a later one. */
  readonly operators: readonly LogicalOperator[];
  /** Fused edges, by operator id. */
  readonly links: readonly { readonly from: string; readonly to: string }[];
  readonly inputs: readonly PlannedEdge[];
  readonly outputs: readonly PlannedEdge[];
}

/** What is deployed: tasks, each with its parallelism, and the edges between them. */
export interface Plan {
  readonly name: string;
  readonly tasks: readonly PlannedTask[];
  readonly edges: readonly PlannedEdge[];
  readonly keyGroups: number;
  /** The same for the same graph on every machine; differs when an operator, edge or partitioner does. */
  readonly hash: string;
}
