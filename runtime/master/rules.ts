import type { AlignPolicy } from "../checkpoint/aligner.ts";
import type { CheckpointMode } from "../checkpoint/manifest.ts";
import type { BarrierMode } from "../graph/frame.ts";
import type { PlannedEdge } from "../graph/plan.ts";
import type { CheckpointRules } from "../task/assignment.ts";
import type { ForwardPolicy } from "../task/participant.ts";

/**
 * How barriers go on each edge: as the job's mode says, unless the edge has a mode of its own (protocol 2.6). A checkpoint may
 * have another mode than the job: `aligned` waits on every edge, `unaligned` on those whose own mode is `aligned`.
 */
export function rulesOf(mode: CheckpointMode): CheckpointRules {
  const exactlyOnce = mode !== "at-least-once";
  const ofJob: AlignPolicy = typeof mode === "object" ? "timed" : mode === "unaligned" ? "unaligned" : "aligned";
  const forwards: Record<AlignPolicy, ForwardPolicy> = { aligned: "in-band", timed: "timed", unaligned: "overtake" };
  // At-least-once is a mode of the job only: an edge's own mode has no meaning in it.
  const policy = (edge: PlannedEdge, mode: BarrierMode | undefined): AlignPolicy => {
    if (!exactlyOnce || mode === "aligned") return "aligned";
    return edge.mode ?? mode ?? ofJob;
  };
  return {
    exactlyOnce,
    timeoutMs: typeof mode === "object" ? mode.alignedTimeoutMs : undefined,
    // Feedback is never waited for, in any mode (protocol 10.1): what it holds at the cut is captured.
    align: (edge, mode) => (edge.feedback ? "unaligned" : policy(edge, mode)),
    forward: (edge, mode) => forwards[policy(edge, mode)],
  };
}
