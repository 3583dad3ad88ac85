import type { CheckpointFigures, Run, SubtaskCheckpoint } from "../mod.ts";
import { type Spread, spread } from "./spread.ts";

/** Figures of a run's completed checkpoints under the names of the programs in `peers/`; of subtasks, the worst of each. */
export interface CheckpointSpreads {
  readonly [name: string]: Spread;
  readonly durationMs: Spread;
  readonly startDelayMs: Spread;
  readonly alignmentMs: Spread;
  /** Of all subtasks. */
  readonly delayedRecords: Spread;
  readonly syncMs: Spread;
  readonly asyncMs: Spread;
  readonly persistedInFlightBytes: Spread;
  readonly inFlightRecords: Spread;
  readonly stateBytes: Spread;
}

export function checkpointSpreads(completed: readonly CheckpointFigures[]): CheckpointSpreads {
  const worst = (of: (subtask: SubtaskCheckpoint) => number) =>
    spread(completed.map(({ subtasks }) => Math.max(...subtasks.map(of))));
  return {
    durationMs: spread(completed.map((figures) => figures.endToEndMs)),
    startDelayMs: worst((subtask) => subtask.startDelayMs),
    alignmentMs: worst((subtask) => subtask.alignmentMs),
    delayedRecords: spread(
      completed.map(({ subtasks }) => subtasks.reduce((sum, { delayedRecords }) => sum + delayedRecords, 0)),
    ),
    syncMs: worst((subtask) => subtask.syncMs),
    asyncMs: worst((subtask) => subtask.asyncMs),
    persistedInFlightBytes: spread(completed.map((figures) => figures.inFlightBytes)),
    inFlightRecords: spread(completed.map((figures) => figures.inFlightRecords)),
    stateBytes: spread(completed.map((figures) => figures.stateBytes)),
  };
}

/** Collects the figures of checkpoints as they complete, until the run ends. */
export function followCheckpoints(run: Run): CheckpointFigures[] {
  const completed: CheckpointFigures[] = [];
  void (async () => {
    for await (const event of run.events) if (event.kind === "checkpoint-completed") completed.push(event.figures);
  })();
  return completed;
}
