import type { ManifestChannel, ManifestEdge } from "../checkpoint/manifest.ts";
import { edgeRecords } from "../graph/edge_chain.ts";
import type { Plan } from "../graph/plan.ts";
import { edgesInFlight } from "./snapshot.ts";

/** What a manifest says of the edges that hold records under way. */
export function manifestEdges(plan: Plan, channels: readonly ManifestChannel[]): readonly ManifestEdge[] {
  const held = edgesInFlight({ channels });
  if (held.size === 0) return [];
  const recordsOf = edgeRecords(plan);
  return plan.edges.filter((edge) => held.has(edge.id)).map((edge) => {
    const { schema, chain } = recordsOf(edge);
    const { id, fromOperator: from, toOperator: to, side, partitioner } = edge;
    return {
      id,
      chain,
      from,
      to,
      partitioner: partitioner.kind,
      ...(side === undefined ? {} : { side }),
      ...(schema === undefined ? {} : { schema: JSON.parse(JSON.stringify(schema)) as object }),
    };
  });
}
