import type { Plan, PlannedLoop } from "../graph/plan.ts";
import type { Acknowledgement } from "./contribution.ts";

/** A loop in which a checkpoint found nothing that moves. */
export interface QuietLoop {
  /** Its place in `Plan.loops`. */
  readonly loop: number;
  /** Whether its heads had all emitted the last watermark. */
  readonly flushed: boolean;
}

/**
 * The loops of which a proven checkpoint shows that they are quiet (protocol 10.3): everything that comes into them from
 * outside has ended and is consumed; no record and no watermark is in any channel inside; no operator inside holds a request,
 * a timer of the wall clock, or one that event time has passed.
 *
 * A loop that is quiet at a consistent cut stays so, whatever has happened since: nothing is left in it that could move, and
 * nothing can come in. (At-least-once cuts are not consistent, but a record that goes round crosses the cut of every channel it
 * takes at some time, and is in that channel's capture then.)
 */
export function quietLoops(plan: Plan, acknowledgements: readonly Acknowledgement[]): readonly QuietLoop[] {
  return plan.loops.flatMap((planned, loop): QuietLoop[] => {
    if (!isQuiet(plan, planned, acknowledgements)) return [];
    const heads = acknowledgements.filter((ack) => ack.task === planned.head);
    return [{ loop, flushed: heads.every((ack) => ack.flushed) }];
  });
}

function isQuiet(plan: Plan, loop: PlannedLoop, acknowledgements: readonly Acknowledgement[]): boolean {
  const inside = new Set(loop.operators);
  const within = new Set<string>();
  const entering = new Set<string>();
  for (const { id, fromOperator, toOperator } of plan.edges) {
    if (inside.has(toOperator)) (inside.has(fromOperator) ? within : entering).add(id);
  }
  for (const { task, quiet, inputs, outputs } of acknowledgements) {
    if (loop.tasks.includes(task) && !quiet) return false;
    for (const { edge, recovered, ended, records, watermarks } of inputs) {
      if (within.has(edge) && records + watermarks > 0) return false;
      if (entering.has(edge) && (recovered === 0 ? !ended : records > 0)) return false;
    }
    for (const { edge, records, watermarks } of outputs) if (within.has(edge) && records + watermarks > 0) return false;
  }
  return true;
}
