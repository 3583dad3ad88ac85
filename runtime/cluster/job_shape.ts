import { type Parallelism, withParallelism } from "../graph/parallelism.ts";
import type { Plan } from "../graph/plan.ts";
import type { Job } from "../job/job.ts";
import type { Shape } from "../master/shape.ts";
import type { JobEntry } from "./job_entry.ts";

/** The shape of a job: as it was rescaled, else as it was submitted, else as its module says. */
export function shapeOf(job: Job, { options, parallelism }: Pick<JobEntry, "options" | "parallelism">): Shape {
  const submitted = options["parallelism"];
  const others = parallelism.others ?? (typeof submitted === "number" ? submitted : job.parallelism ?? 1);
  return { graph: withParallelism(job.graph, parallelism.byUid), parallelism: others };
}

/** What a job's record says of its parallelism after a change. */
export function rescaled({ parallelism: before }: Pick<JobEntry, "parallelism">, change: Parallelism): JobEntry["parallelism"] {
  return typeof change === "number" ? { ...before, others: change } : { ...before, byUid: { ...before.byUid, ...change } };
}

/** By uid: how many subtasks each operator of a plan has. */
export function subtasksOf(plan: Plan): Readonly<Record<string, number>> {
  return Object.fromEntries(plan.tasks.flatMap((task) => task.operators.map(({ id }) => [id, task.parallelism])));
}
