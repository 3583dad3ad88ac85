import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Signal } from "../../actors/behavior.ts";
import type { ActorRef } from "../../actors/ref.ts";
import { World } from "../../actors/simulation/world.ts";

const watch = suite("watch");

type Order = { kind: "watch" | "unwatch"; ref: ActorRef<never> } | { kind: "slow" } | { kind: "crash" };

function watching(seed: string) {
  const world = new World(seed);
  const system = world.system("s");
  const signals: Signal[] = [];
  const watcher = system.spawn<Order>("watcher", () => ({
    receive(order, context) {
      if (order.kind === "watch") context.watch(order.ref);
      else if (order.kind === "unwatch") context.unwatch(order.ref);
      else if (order.kind === "crash") throw new Error("crash");
      else return new Promise<void>((resolve) => void context.clock.setTimer(100, resolve));
      return;
    },
    signal: (signal) => void signals.push(signal),
  }), { restart: "permanent" });
  const target = (name: string) =>
    system.spawn<"crash" | "stop">(name, () => ({
      receive(order, context) {
        if (order === "stop") return context.stop();
        throw new Error("crash");
      },
    }));
  const seen = () => signals.map(({ ref, reason }) => `${ref.address.path} ${reason.kind}`);
  return { world, system, watcher, target, signals, seen };
}

watch("the signal comes once, with the reason, also when watched twice", async () => {
  const { world, watcher, target, signals, seen } = watching("once");
  const [a, b] = [target("a"), target("b")];
  for (const ref of [a, a, b]) watcher.tell({ kind: "watch", ref });
  await world.pass(10);
  a.tell("crash");
  await world.pass(10);
  b.tell("stop");
  await world.pass(10);
  assert.equal(seen(), ["a failed", "b normal"]);
  assert.is(signals[0]!.reason.kind === "failed" && (signals[0]!.reason.cause as Error).message, "crash");
  assert.is(signals[0]!.ref, a);
});

watch("an actor that has stopped already is reported at once, again for each watch", async () => {
  const { world, system, watcher, target, seen } = watching("dead");
  const a = target("a");
  await world.run(system.stop(a));
  watcher.tell({ kind: "watch", ref: a });
  await world.pass(10);
  watcher.tell({ kind: "watch", ref: a });
  await world.pass(10);
  assert.equal(seen(), ["a normal", "a normal"]);
});

watch("unwatch takes back even a signal that waits", async () => {
  const { world, system, watcher, target, seen } = watching("unwatch");
  const [a, b] = [target("a"), target("b")];
  watcher.tell({ kind: "watch", ref: a });
  watcher.tell({ kind: "watch", ref: b });
  watcher.tell({ kind: "unwatch", ref: a });
  watcher.tell({ kind: "slow" });
  await world.pass(10);
  await world.run(system.stop(a));
  await world.run(system.stop(b));
  assert.equal(seen(), []);
  await world.pass(200);
  assert.equal(seen(), ["b normal"]);
});

watch("a restart is no death, and a restarted watcher watches nobody", async () => {
  const { world, system, watcher, target, seen } = watching("restart");
  const a = target("a");
  const phoenix = system.spawn<string>("phoenix", () => ({
    receive() {
      throw new Error("burns");
    },
  }), { restart: "permanent" });
  watcher.tell({ kind: "watch", ref: phoenix });
  await world.pass(10);
  phoenix.tell("x");
  await world.pass(500);
  assert.equal(seen(), []);
  watcher.tell({ kind: "watch", ref: a });
  watcher.tell({ kind: "crash" });
  await world.pass(500);
  await world.run(system.stop(a));
  await world.run(system.stop(phoenix));
  assert.equal(seen(), []);
});

watch("a stopped name can be used again; a ref of the old actor never reaches the new one", async () => {
  const { world, system } = watching("names");
  const read: string[] = [];
  const create = () => system.spawn<string>("same", () => ({ receive: (text) => void read.push(text) }));
  const old = create();
  await world.run(system.stop(old));
  const next = create();
  old.tell("to the old");
  next.tell("to the new");
  await world.pass(10);
  assert.equal(read, ["to the new"]);
  assert.is.not(old.address.id, next.address.id);
});

watch("watching without a signal method is refused, and so is stopping somebody else's child", async () => {
  const { world, system, target } = watching("refused");
  const a = target("a");
  const codes: string[] = [];
  system.spawn<string>("b", () => ({
    start(context) {
      for (const attempt of [() => context.watch(a), () => context.stop(a)]) {
        try {
          attempt();
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
    },
    receive: () => {},
  }));
  await world.pass(10);
  assert.equal(codes, ["NO_SIGNAL_HANDLER", "NOT_A_CHILD"]);
});

watch.run();
