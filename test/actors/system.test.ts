import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Behavior } from "../../actors/behavior.ts";
import type { SluiceError } from "../../actors/error.ts";
import type { ActorRef, ReplyTo } from "../../actors/ref.ts";
import { World } from "../../actors/simulation/world.ts";
import { noting, scene } from "./scene.ts";

const systems = suite("system");

systems("after shutdown nothing of the system is left: no timer, no event, no question without an end", async () => {
  const { world, system, letters } = scene("shutdown");
  const ref = system.spawn<{ kind: "never"; replyTo: ReplyTo<string> }>("a", () => ({
    start: (context) => context.setReceiveTimeout(50_000, undefined as never),
    receive: () => {},
  }));
  system.spawn("crashing", (): Behavior<string> => {
    throw new Error("always");
  }, { restart: "permanent" });
  const answer = ref.ask({ kind: "never" }, { timeoutMs: 100_000 }).catch((error: SluiceError) => error.code);
  await world.pass(5);
  await world.run(system.shutdown());
  assert.is(await world.run(answer), "ASK_FAILED");
  assert.is(world.clock.waiting, 0);
  assert.throws(() => system.spawn("b", () => noting([])), (error: SluiceError) => error.code === "SYSTEM_STOPPED");
  await system.shutdown();
  assert.equal(await system.terminated, { kind: "shutdown" });
  ref.tell({ kind: "never", replyTo: { tell: () => {} } });
  assert.is(letters.length, 1);
});

systems("await using shuts the system down", async () => {
  const world = new World("using");
  const log: string[] = [];
  const scope = async () => {
    await using system = world.system("s");
    system.spawn("a", () => noting(log));
    await new Promise<void>((resolve) => void world.clock.setTimer(5, resolve));
  };
  await world.run(scope());
  assert.equal(log, ["a start", "a stop shutdown"]);
});

systems("refs of messages wider than asked for fit, narrower ones are compile errors", () => {
  const { system } = scene("types");
  const wide: ActorRef<string | number> = system.spawn<string | number>("wide", () => ({ receive: () => {} }));
  const narrow: ActorRef<string> = wide;
  // @ts-expect-error a ref of strings takes no numbers
  const wrong: ActorRef<string | number> = narrow;
  const any: ActorRef<never> = wrong;
  assert.ok(any);
});

systems.run();
