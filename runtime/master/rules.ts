import type { AlignPolicy } from "../checkpoint/aligner.ts";
import type { CheckpointMode } from "../checkpoint/manifest.ts";
import type { PlannedEdge } from "../graph/plan.ts";
import type { CheckpointRules } from "../task/assignment.ts";
import type { ForwardPolicy } from "../task/participant.ts";

/** How barriers go on each edge: as the job's mode says, unless the edge has a mode of its own (protocol 2.6). */
export function rulesOf(mode: CheckpointMode): CheckpointRules {
  const exactlyOnce = mode !== "at-least-once";
  const ofJob: AlignPolicy = typeof mode === "object" ? "timed" : mode === "unaligned" ? "unaligned" : "aligned";
  const forwards: Record<AlignPolicy, ForwardPolicy> = { aligned: "in-band", timed: "timed", unaligned: "overtake" };
  // At-least-once is a mode of the job only: an edge's own mode has no meaning in it.
  const policy = (edge: PlannedEdge): AlignPolicy => (exactlyOnce ? edge.mode ?? ofJob : "aligned");
  return {
    exactlyOnce,
    timeoutMs: typeof mode === "object" ? mode.alignedTimeoutMs : undefined,
    // Feedback is never waited for, in any mode (protocol 10.1): what it holds at the cut is captured.
    align: (edge) => (edge.feedback ? "unaligned" : policy(edge)),
    forward: (edge) => forwards[policy(edge)],
  };
}
