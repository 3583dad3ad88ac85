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
  /** Goes back, to the head of a loop: its barriers are never waited for, and it lies outside credit. */
  readonly feedback: boolean;
  /**
   * Whether its records carry their key group: those of a `keyBy`, and those below a keyed operator until they are dealt out
   * anew. A record there that has none carries -1.
   */
  readonly grouped: boolean;
  /** The side output of its sender that it takes; undefined: the main one. */
  readonly side: string | undefined;
  /** Which input of its receiver it is. */
  readonly port: number;
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
  readonly links: readonly { readonly from: string; readonly to: string; readonly side?: string }[];
  readonly inputs: readonly PlannedEdge[];
  readonly outputs: readonly PlannedEdge[];
}

/** A loop: what records go through from its head back to it. */
export interface PlannedLoop {
  /** The id of its head. */
  readonly id: string;
  /** Index of the task that begins with the head. */
  readonly head: number;
  /** Ids of the operators that lie on a way from the head back to it, the head first. */
  readonly operators: readonly string[];
  /** Indices of the tasks that these operators are in. */
  readonly tasks: readonly number[];
}

/** What is deployed: tasks, each with its parallelism, and the edges between them. */
export interface Plan {
  readonly name: string;
  readonly tasks: readonly PlannedTask[];
  readonly edges: readonly PlannedEdge[];
  readonly loops: readonly PlannedLoop[];
  readonly keyGroups: number;
  /** The same for the same graph on every machine; differs when an operator, edge or partitioner does. */
  readonly hash: string;
}
