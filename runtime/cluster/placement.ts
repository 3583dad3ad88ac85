import type { Plan } from "../graph/plan.ts";

/** A worker that has room. */
export interface Room {
  readonly worker: string;
  /** Slots that no job uses. */
  readonly free: number;
}

/** Which worker has each slot of a job: slot `s` holds subtask `s` of every task that has so many. */
export type Slots = readonly string[];

/** How many slots a plan takes: as many as its widest task has subtasks. So neighbours of a forward edge are at one worker. */
export function slotsNeeded(plan: Plan): number {
  return plan.tasks.reduce((most, task) => Math.max(most, task.parallelism), 0);
}

/**
 * Spreads `count` slots over workers: each in turn gets one, those with the most room first, ties by name. Undefined when there
 * is not room enough.
 */
export function placeSlots(count: number, rooms: readonly Room[]): Slots | undefined {
  const left = rooms.map(({ worker, free }) => ({ worker, free })).sort((a, b) =>
    b.free - a.free || (a.worker < b.worker ? -1 : 1)
  );
  const slots: string[] = [];
  while (slots.length < count) {
    const before = slots.length;
    for (const room of left) {
      if (room.free === 0 || slots.length === count) continue;
      room.free--;
      slots.push(room.worker);
    }
    if (slots.length === before) return undefined;
  }
  return slots;
}

/** The workers of a placement, each once, in the order of their first slots. A worker's place in it numbers its data files. */
export function workersOf(slots: Slots): readonly string[] {
  return [...new Set(slots)];
}
