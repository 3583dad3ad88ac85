import { type Job, job, type Stream, type } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { type Pace, slowly } from "./slow.ts";
import type { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

/** A quick and a slow way to one operator: barriers come to it at different times. */
export interface Meeting {
  readonly quick: HandSource;
  readonly late: HandSource;
  readonly pace: Pace;
  readonly sink: WitnessSink<Numbered>;
  readonly pipeline: Job;
  /** What the operator has seen, in its order. */
  readonly seen: readonly string[];
  quickSeen(): number;
}

/**
 * The slow way takes `delayMs` for each record; `tap` may do more with what comes on the quick one.
 */
export function meeting(stage: Stage, delayMs: number, tap?: (quick: Stream<Numbered, boolean>) => void): Meeting {
  const quick = new HandSource("quick");
  const late = new HandSource("late");
  const sink = new WitnessSink<Numbered>();
  const seen: string[] = [];
  const pace = { delayMs };
  const pipeline = job("meeting", (flow) => {
    const slow = flow.from("late", late).rebalance().process("slow", slowly(stage, pace));
    const direct = flow.from("quick", quick);
    tap?.(direct);
    direct.rebalance().union(slow.rebalance()).process("joined", {
      emits: type<Numbered>(),
      onRecord(record, ctx) {
        seen.push(nameOf(record));
        ctx.emit(record);
      },
    }).to("out", sink);
  });
  return { quick, late, pace, sink, pipeline, seen, quickSeen: () => seen.filter((name) => name.startsWith("quick")).length };
}
