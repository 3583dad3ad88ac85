import type { TSchema } from "@sinclair/typebox";
import type { Key } from "./key.ts";
import type { OperatorFactory } from "./operator.ts";
import type { Sink } from "./sink.ts";
import type { Source } from "./source.ts";

/** How the records of an edge are dealt out over the receivers. */
export type Partitioner =
  /** Sender i to receiver i; equal parallelism. */
  | { readonly kind: "forward" }
  /** In turn over all receivers. */
  | { readonly kind: "rebalance" }
  /** By the key's group; pure. `label` is what plans and messages call the key. */
  | { readonly kind: "keyBy"; readonly keyOf: (value: never) => Key; readonly label?: string }
  /** Every record to every receiver. */
  | { readonly kind: "broadcast" }
  /** To the receiver that `indexOf` gives out of `receivers`, from 0; pure. `label` is what plans and messages call it. */
  | { readonly kind: "custom"; readonly indexOf: (value: never, receivers: number) => number; readonly label: string };

/** May an edge hold captured frames (`unaligned`), or must its barrier be waited for (`aligned`)? Undefined: as the job. */
export type EdgeMode = "aligned" | "unaligned" | undefined;

/** A state that an operator declares. */
export interface DeclaredState {
  /** `value`, `list`, `map`, `split`, `replicate`. */
  readonly kind: string;
  readonly schema: TSchema | undefined;
  readonly keySchema?: TSchema | undefined;
}

/** What an operator of the logical graph does. */
export type LogicalRole =
  | { readonly kind: "source"; readonly source: Source<unknown> }
  | {
    readonly kind: "transform";
    readonly create: OperatorFactory<never>;
    /** True when it must be the first of its task: it has timers, keyed state, or may be asynchronous. */
    readonly head: boolean;
    /** The head of a loop: how many bytes of feedback may wait at each of its subtasks, in memory and beyond. */
    readonly feedbackBytes?: number;
    readonly feedbackSpillBytes?: number;
    /** Its states by name, where it has said which there are. */
    readonly states?: Readonly<Record<string, DeclaredState>> | undefined;
  }
  | { readonly kind: "sink"; readonly sink: Sink<never> };

/** The kind of its source or sink; "" for what is neither. */
export function connectorOf(role: LogicalRole): string {
  if (role.kind === "source") return role.source.kind;
  return role.kind === "sink" ? role.sink.kind : "";
}

/** One operator of a job. */
export interface LogicalOperator {
  /** The given uid, or `<nearest named upstream>/<kind>#<ordinal>`. */
  readonly id: string;
  /** Whether the id was given by the user. */
  readonly named: boolean;
  /** `map`, `window`, `source`, … */
  readonly kind: string;
  /** Undefined: the job's. */
  readonly parallelism: number | undefined;
  readonly role: LogicalRole;
  /** The schema of what it emits, where one was given. */
  readonly emits: TSchema | undefined;
}

/** A stream between two operators. */
export interface LogicalEdge {
  /** `<from>-><to>`, with `#2`, `#3` … for further edges between the same two. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly partitioner: Partitioner;
  readonly mode: EdgeMode;
  /** Whether its records carry an event time. */
  readonly timed: boolean;
  /** Goes back, to the head of a loop. */
  readonly feedback?: boolean;
  /** Which side output of its sender it takes. @default the main one */
  readonly side?: string | undefined;
  /** Which input of its receiver it is, for operators that have several: see `Cursor.port`. @default 0 */
  readonly port?: number | undefined;
}

/** A job as the user wrote it. Operators stand in an order in which every edge but feedback goes forward. */
export interface LogicalGraph {
  readonly name: string;
  readonly operators: readonly LogicalOperator[];
  readonly edges: readonly LogicalEdge[];
  /** How many key groups keys are hashed to; fixed for the life of the job. */
  readonly keyGroups: number;
}
