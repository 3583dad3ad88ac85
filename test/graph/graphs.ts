import type { LogicalEdge, LogicalGraph, LogicalOperator, LogicalRole, Partitioner } from "../../runtime/graph/logical.ts";

/** How a test writes an operator: its id and what is not usual about it. */
export interface OperatorSketch {
  readonly role?: "source" | "sink" | "map";
  readonly head?: boolean;
  readonly parallelism?: number;
}

/** How a test writes an edge: `"a>b"` forward, `"a*b"` rebalance, `"a#b"` by key; `"b>a^"` is feedback. */
export type EdgeSketch = string;

const roles: Readonly<Record<"source" | "sink" | "map" | "head", LogicalRole>> = {
  source: {
    kind: "source",
    source: { kind: "test", bounded: true, splits: () => [], open: () => Promise.reject(new Error("not read")) },
  },
  sink: { kind: "sink", sink: { kind: "test", delivery: "at-least-once", open: () => ({ write() {}, close() {} }) } },
  map: { kind: "transform", create: () => ({ process() {} }), head: false },
  head: { kind: "transform", create: () => ({ process() {} }), head: true },
};

const partitioners: Readonly<Record<string, Partitioner>> = {
  ">": { kind: "forward" },
  "*": { kind: "rebalance" },
  "#": { kind: "keyBy", keyOf: (value: never) => value, label: "k" },
};

/** Builds a graph from sketches. Operators without an input are sources unless said otherwise. */
export function graphOf(
  operators: Readonly<Record<string, OperatorSketch>>,
  edges: readonly EdgeSketch[],
  keyGroups = 128,
): LogicalGraph {
  const parsed = edges.map((sketch) => /^(\w+)([>*#])(\w+)(\^?)$/.exec(sketch) as unknown as string[]);
  const seen = new Map<string, number>();
  return {
    name: "sketch",
    keyGroups,
    operators: Object.entries(operators).map(([id, { role, head = false, parallelism }]): LogicalOperator => {
      const kind = role ?? (parsed.some(([, , , to, back]) => to === id && back === "") ? "map" : "source");
      return { id, named: true, kind, parallelism, role: roles[head ? "head" : kind], emits: undefined };
    }),
    edges: parsed.map(([, from = "", how = "", to = "", back = ""]): LogicalEdge => {
      const name = `${from}->${to}`;
      const count = (seen.get(name) ?? 0) + 1;
      seen.set(name, count);
      const id = count === 1 ? name : `${name}#${count}`;
      return {
        id,
        from,
        to,
        partitioner: partitioners[how] as Partitioner,
        mode: undefined,
        timed: false,
        feedback: back !== "",
      };
    }),
  };
}
