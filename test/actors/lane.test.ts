import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LaneBehavior, StopReason } from "../../actors/behavior.ts";
import { reasons, scene } from "./scene.ts";

const lanes = suite("lane");

/** A lane of numbers; `hang` steps are pending until released. */
class Lane implements LaneBehavior<string> {
  readonly log: string[] = [];
  readonly queue: (number | "async")[] = [];
  release = () => {};
  wake = () => {};
  closed = 0;

  lane(host: { wake(): void }) {
    this.wake = () => host.wake();
    const queue = this.queue;
    return {
      get ready() {
        return queue.length > 0;
      },
      run: () => {
        const item = queue.shift()!;
        this.log.push(`data ${item}`);
        if (item !== "async") return 1;
        return new Promise<number>((resolve) => this.release = () => resolve(1));
      },
      close: () => {
        this.closed++;
        return queue.splice(0);
      },
    };
  }
  control(message: string): void {
    this.log.push(message);
    if (message === "throw") throw new Error("thrown");
  }
  urgent(message: string): boolean {
    return message.startsWith("urgent");
  }
  stop(reason: StopReason): void {
    this.log.push(`stop ${reasons(reason)}`);
  }
}

lanes("while a step of its lane is pending an actor takes no data and only urgent control, in order", async () => {
  const { world, system } = scene("urgent");
  const lane = new Lane();
  lane.queue.push("async", 1, 2);
  const ref = system.spawn("lane", () => lane);
  await world.pass(10);
  for (const message of ["c1", "urgent 1", "c2", "urgent 2"]) ref.tell(message);
  await world.pass(10);
  assert.equal(lane.log, ["data async", "urgent 1", "urgent 2"]);
  lane.release();
  await world.pass(10);
  assert.equal(lane.log, ["data async", "urgent 1", "urgent 2", "c1", "c2", "data 1", "data 2"]);
});

lanes("a lane runs again only when it was woken, and gives back what it has not read, once", async () => {
  const { world, system, letters } = scene("wake");
  const lane = new Lane();
  const ref = system.spawn("lane", () => lane);
  await world.pass(10);
  lane.queue.push(7);
  lane.wake();
  lane.wake();
  await world.pass(10);
  assert.equal(lane.log, ["data 7"]);
  lane.queue.push(8, 9);
  await world.run(system.stop(ref));
  assert.equal(letters.map(({ message }) => message), [8, 9]);
  assert.is(lane.closed, 1);
  assert.equal(lane.log, ["data 7", "stop normal"]);
  lane.wake();
  await world.pass(10);
});

lanes("a lane that throws and control that throws fail the actor", async () => {
  const { world, system, letters } = scene("lane fails");
  const ref = system.spawn("control", () => new Lane());
  ref.tell("throw");
  ref.tell("after");
  assert.is(reasons((await world.run(system.whenStopped(ref)))!), "failed: thrown");
  assert.equal(letters.map(({ message, reason }) => [message, reason]), [["throw", "failed"], ["after", "stopped"]]);
  const broken = system.spawn<string>("lane", () => ({
    lane: () => ({
      ready: true,
      run: () => {
        throw new Error("broken lane");
      },
      close: () => {
        throw new Error("broken close");
      },
    }),
    control: () => {},
  }));
  assert.is(reasons((await world.run(system.whenStopped(broken)))!), "failed: broken lane");
});

lanes.run();
