/**
 * Where records under way go whose edge is gone because operators were put into it: `a->b` has become `a->n->b`.
 *
 * `a` sent them and `b` has not seen them, so `n` gets them, as it gets what `a` sends from now on. That is done where it can
 * mean one thing only: `a` has one edge to a new operator from which, through new operators alone, `b` is reached and no other
 * operator of the snapshot, and no edge to `b` any more. Where records went to all subtasks (broadcast) they have no new home:
 * which of the copies `n` should get is not said. Whether the records fit is judged as on any edge (protocol 11.2).
 */
import type { Manifest } from "../checkpoint/manifest.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import type { Plan } from "../graph/plan.ts";
import { edgesInFlight } from "./snapshot.ts";

/** A way of records from one operator to the next: an edge, or a call within a task, which has no id in a plan. */
interface Step {
  readonly id: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly side?: string | undefined;
  readonly feedback?: boolean | undefined;
  readonly partitioner?: { readonly kind: string } | undefined;
}

type Taken = Pick<Manifest, "channels" | "edges" | "tasks">;

/** The edges that have to stay edges in the plan that a snapshot is restored into: those that records under way are put on. */
export function edgesToKeep(manifest: Taken, job: LogicalGraph | Plan): ReadonlySet<string> {
  return new Set([...edgesInFlight(manifest), ...newHomes(manifest, job).values()]);
}

/** The edges that take the records of others that are gone, by the ids of these. */
export function newHomes(manifest: Taken, job: LogicalGraph | Plan): ReadonlyMap<string, string> {
  const steps = stepsOf(job);
  const ids = new Set(steps.map(({ id }) => id));
  const known = new Set(manifest.tasks.flatMap(({ operators }) => operators));
  const homes = new Map<string, string>();
  for (const held of edgesInFlight(manifest)) {
    const old = manifest.edges?.find(({ id }) => id === held);
    if (ids.has(held) || old?.from === undefined || old.to === undefined || old.partitioner === "broadcast") continue;
    const { from, to, side } = old;
    const own = steps.filter((step) => step.from === from && step.side === side && step.feedback !== true);
    const [home, ...others] = own.filter((step) => !known.has(step.to) && leadsTo(step.to, to, steps, known));
    if (home?.id === undefined || others.length > 0 || own.some((step) => step.to === to)) continue;
    if (home.partitioner?.kind !== "broadcast") homes.set(held, home.id);
  }
  const taken = [...homes.values()];
  // Of two edges between the same operators each had every record: they cannot be one.
  return new Map([...homes].filter(([, home]) => taken.indexOf(home) === taken.lastIndexOf(home)));
}

function stepsOf(job: LogicalGraph | Plan): readonly Step[] {
  if (!("tasks" in job)) return job.edges;
  const edges = job.edges.map(({ fromOperator, toOperator, ...edge }) => ({ ...edge, from: fromOperator, to: toOperator }));
  const calls = job.tasks.flatMap(({ links }) => links.map(({ from, to, side }) => ({ id: undefined, from, to, side })));
  return [...edges, ...calls];
}

/** Whether `to`, and no other known operator, comes next behind a new one. */
function leadsTo(start: string, to: string, steps: readonly Step[], known: ReadonlySet<string>): boolean {
  const seen = new Set([start]);
  for (const at of seen) {
    if (known.has(at)) continue;
    for (const step of steps) if (step.from === at) seen.add(step.to);
  }
  return [...seen].filter((id) => known.has(id)).join() === to && seen.has(to);
}
