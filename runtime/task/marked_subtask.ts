import type { ActorContext, LaneBehavior, LaneHost, StopReason } from "../../actors/behavior.ts";
import type { DataLane } from "../../actors/lane.ts";
import type { TaskControl } from "./control.ts";
import type { Subtask } from "./subtask.ts";
import type { TurnMark } from "./turn_mark.ts";

/** A subtask that says when its turns begin and end, so that one that never ends can be named from outside. */
export class MarkedSubtask implements LaneBehavior<TaskControl>, DataLane {
  readonly #subtask: Subtask;
  readonly #mark: TurnMark;

  constructor(subtask: Subtask, mark: TurnMark) {
    this.#subtask = subtask;
    this.#mark = mark;
  }

  get ready(): boolean {
    return this.#subtask.ready;
  }

  lane(host: LaneHost, context: ActorContext<TaskControl>): DataLane {
    this.#subtask.lane(host, context);
    return this;
  }

  start(context: ActorContext<TaskControl>): Promise<void> {
    return this.#subtask.start(context);
  }

  control(message: TaskControl): void | Promise<void> {
    return this.#marked(() => this.#subtask.control(message));
  }

  run(maxSteps: number): number | Promise<number> {
    return this.#marked(() => this.#subtask.run(maxSteps));
  }

  stop(reason: StopReason): Promise<void> {
    return this.#subtask.stop(reason);
  }

  close(): readonly unknown[] {
    return this.#subtask.close();
  }

  #marked<T>(turn: () => T): T {
    this.#mark.enter();
    try {
      return turn();
    } finally {
      this.#mark.leave();
    }
  }
}
