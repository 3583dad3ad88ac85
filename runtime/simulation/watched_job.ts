import type { LogicalOperator, LogicalRole } from "../graph/logical.ts";
import type { Sink } from "../graph/sink.ts";
import type { Job } from "../job/job.ts";
import type { Exceptions } from "./exceptions.ts";
import type { Ledger } from "./ledger.ts";
import { watchedSink } from "./watched_sink.ts";
import { type Pace, type SourceCounts, watchedSource } from "./watched_source.ts";

/** What watches a run: shared by all processes of it, and outlives them. */
export interface Watch {
  readonly ledger: Ledger;
  readonly exceptions: Exceptions;
  readonly counts: SourceCounts;
  readonly pace: Pace;
}

/** The job with its sources and sinks watched; nothing else of it is changed. */
export function watchedJob(job: Job, watch: Watch): Job {
  const operators = job.graph.operators.map((operator): LogicalOperator => ({
    ...operator,
    role: watchedRole(operator, watch),
  }));
  return { ...job, graph: { ...job.graph, operators } };
}

function watchedRole({ id, role }: LogicalOperator, watch: Watch): LogicalRole {
  switch (role.kind) {
    case "source":
      return { kind: "source", source: watchedSource(role.source, id, watch) };
    case "sink":
      return {
        kind: "sink",
        sink: watchedSink(role.sink as Sink<unknown>, id, watch.ledger, watch.exceptions) as unknown as Sink<never>,
      };
    case "transform":
      return role;
  }
}
