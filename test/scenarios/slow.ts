import type { ProcessDefinition } from "../../mod.ts";
import { type } from "../../mod.ts";
import type { Numbered } from "./hand_source.ts";
import type { Stage } from "./stage.ts";

/** How long an operator takes for a record; a test may change it at any time. */
export interface Pace {
  delayMs: number;
}

/** A process function that passes records on, each after the pace's delay: meanwhile others wait before it. */
export function slowly(
  stage: Stage,
  pace: Pace,
): ProcessDefinition<Numbered, Record<never, never>, ReturnType<typeof type<Numbered>>> {
  return {
    emits: type<Numbered>(),
    onRecord(record, ctx) {
      if (pace.delayMs === 0) return ctx.emit(record);
      return new Promise<void>((resolve) => void stage.process.clock.setTimer(pace.delayMs, resolve)).then(() => {
        if (!ctx.signal.aborted) ctx.emit(record);
      });
    },
  };
}
