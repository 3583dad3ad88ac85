import type { JobEvent } from "../../runtime/master/event.ts";

/** What a simulated run came to, in numbers. */
export interface Figures {
  readonly completed: number;
  readonly aborted: number;
  readonly restarts: number;
  readonly kills: number;
  /** Records captured in completed checkpoints, and put back by restores. */
  readonly captured: number;
  readonly recovered: number;
  readonly single: number;
  /** Records that completed checkpoints captured at the heads of loops. */
  readonly fedBack: number;
  /** Changes of parallelism, and the records under way that they put back. */
  readonly rescales: number;
  readonly rerouted: number;
  /** Replicas of broadcast rules that were right at the end. */
  readonly replicas: number;
  /** How often feedback was written to scratch space, and captured there. */
  readonly spills: number;
  readonly spillsCaptured: number;
}

/** What the events of a run tell of them. */
export function figuresOf(
  events: readonly JobEvent[],
): Omit<Figures, "kills" | "single" | "replicas" | "spills" | "spillsCaptured"> {
  let completed = 0;
  let captured = 0;
  let recovered = 0;
  let fedBack = 0;
  let aborted = 0;
  let restarts = 0;
  let rescales = 0;
  let rerouted = 0;
  let rescaling = false;
  for (const event of events) {
    if (event.kind === "checkpoint-completed") {
      completed++;
      captured += event.figures.inFlightRecords;
      for (const { task, inFlightRecords } of event.figures.subtasks) if (task.startsWith("loop")) fedBack += inFlightRecords;
    } else if (event.kind === "checkpoint-aborted") aborted++;
    else if (event.kind === "restarting") restarts++;
    else if (event.kind === "rescaling") rescaling = true;
    else if (event.kind === "started") {
      recovered += event.inFlightRecords;
      if (rescaling) {
        rescales++;
        rerouted += event.inFlightRecords;
      }
      rescaling = false;
    }
  }
  return { completed, aborted, restarts, captured, recovered, fedBack, rescales, rerouted };
}
