import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import type { Logger } from "../../actors/logger.ts";
import type { Random } from "../../actors/random.ts";
import { type Channel, channelsOf } from "../graph/channel.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Plan, PlannedTask } from "../graph/plan.ts";

/** The outside world of a run. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Logger;
}

/** The checkpoint that an attempt started from. */
export interface RestoredFrom {
  readonly id: CheckpointId;
  readonly location: string;
  /** How many records of it were under way. */
  readonly inFlightRecords: number;
}

/** One subtask of an attempt. Its place in {@link Attempt.subtasks} is its number. */
export interface PlacedSubtask {
  readonly task: PlannedTask;
  readonly index: number;
}

/**
 * One attempt of a job: what its master, its coordinator and every process that runs a part of it agree on. Two of one number
 * never exist.
 */
export class Attempt {
  readonly number: number;
  /** Which life of the job: see `SinkContext.life`. */
  readonly life: string;
  readonly plan: Plan;
  readonly restored: RestoredFrom | undefined;
  readonly channels: readonly Channel[];
  readonly subtasks: readonly PlacedSubtask[];

  constructor(number: number, life: string, plan: Plan, restored: RestoredFrom | undefined) {
    this.number = number;
    this.life = life;
    this.plan = plan;
    this.restored = restored;
    this.channels = channelsOf(plan);
    this.subtasks = plan.tasks.flatMap((task) => Array.from({ length: task.parallelism }, (_, index) => ({ task, index })));
  }

  /** The numbers of the subtasks that hold sinks. */
  get sinkSubtasks(): readonly number[] {
    return this.subtasks.flatMap(({ task }, number) => task.operators.some((of) => of.role.kind === "sink") ? [number] : []);
  }

  /** By loop of the plan: the numbers of its head's subtasks. */
  get loopHeads(): readonly (readonly number[])[] {
    return this.plan.loops.map(({ head }) => this.subtasks.flatMap(({ task }, number) => (task.index === head ? [number] : [])));
  }
}
