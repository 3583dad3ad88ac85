import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ActorContext, Behavior } from "../../actors/behavior.ts";
import type { SluiceError } from "../../actors/error.ts";
import { noting, type Order, reasons, say, scene } from "./scene.ts";

const actor = suite("actor");

actor("starts before its first message and stops after its last", async () => {
  const { world, system, log } = scene("life");
  const ref = system.spawn("a", () => noting(log));
  ref.tell(say("1"));
  await world.pass(5);
  ref.tell(say("2"));
  await world.run(system.stop(ref).then(() => ref.tell(say("never"))));
  assert.equal(log, ["a start", "a 1", "a 2", "a stop normal"].filter((line) => line !== "a 2" || log.includes("a 2")));
  assert.is(log.at(-1), "a stop normal");
});

actor("takes no message while its handler's promise is pending", async () => {
  const { world, system, log } = scene("pending");
  const ref = system.spawn("a", () => noting(log));
  ref.tell({ kind: "slow", ms: 100 });
  ref.tell(say("next"));
  await world.pass(90);
  assert.equal(log, ["a start", "a slow"]);
  await world.pass(20);
  assert.equal(log, ["a start", "a slow", "a slow end", "a next"]);
});

actor("a handler that throws fails the actor: who watches learns the cause, the message is a dead letter", async () => {
  const { world, system, log, letters, entries } = scene("throw");
  const ref = system.spawn("a", () => noting(log));
  const reason = system.whenStopped(ref);
  ref.tell({ kind: "throw" });
  ref.tell(say("unread"));
  assert.is(reasons((await world.run(reason))!), "failed: thrown");
  assert.equal(log, ["a start", "a stop failed: thrown"]);
  assert.equal(letters.map((letter) => [letter.reason, (letter.message as Order).kind]), [["failed", "throw"], [
    "stopped",
    "say",
  ]]);
  assert.ok(entries.some(({ level, from, cause }) => level === "error" && from === "a" && (cause as Error).message === "thrown"));
});

actor("a handler that rejects later fails the actor", async () => {
  const { world, system, log, letters } = scene("reject");
  const ref = system.spawn("a", () => noting(log));
  ref.tell({ kind: "reject" });
  ref.tell(say("unread"));
  assert.is(reasons((await world.run(system.whenStopped(ref)))!), "failed: rejected");
  assert.equal(log, ["a start", "a stop failed: rejected"]);
  assert.equal(letters.map((letter) => letter.reason), ["failed", "stopped"]);
});

actor("a handler that never settles fails the actor after handlerTimeoutMs", async () => {
  const { world, system, log } = scene("hang");
  const ref = system.spawn("a", () => noting(log), { handlerTimeoutMs: 200, restart: "permanent" });
  ref.tell({ kind: "hang" });
  ref.tell(say("after"));
  await world.pass(190);
  assert.equal(log, ["a start"]);
  await world.pass(100);
  assert.equal(log, ["a start", "a stop failed: a: a handler was still pending after 200 ms", "a start", "a after"]);
});

actor("a handler that says it gets on has handlerTimeoutMs from then on, until it stops saying so", async () => {
  const { world, system, log } = scene("progress");
  const ref = system.spawn<Order>("a", () => ({
    ...noting(log),
    async receive(_, context) {
      for (let step = 1; step <= 4; step++) {
        await new Promise<void>((resolve) => void context.clock.setTimer(150, resolve));
        context.progress();
      }
      log.push("a worked");
      await new Promise<void>(() => {});
    },
  }), { handlerTimeoutMs: 200 });
  ref.tell(say("work"));
  await world.pass(790);
  assert.equal(log, ["a start", "a worked"]);
  await world.pass(20);
  assert.equal(log.slice(2), ["a stop failed: a: a handler was still pending after 200 ms"]);
});

actor("what a given-up handler does later has no effect on the next life", async () => {
  const { world, system, log, entries } = scene("zombie");
  let stale: ActorContext<Order> | undefined;
  const late: unknown[] = [];
  const ref = system.spawn<Order>("a", () => ({
    ...noting(log),
    receive(order, context) {
      if (order.kind !== "hang") return log.push(order.kind) as never;
      stale = context;
      return new Promise<void>((_, reject) =>
        void context.clock.setTimer(1000, () => {
          for (
            const late_ of [() => context.setTimer(1, order), () => context.spawn("x", () => noting(log)), () => context.stop()]
          ) {
            try {
              late_();
            } catch (error) {
              late.push((error as SluiceError).code);
            }
          }
          reject(new Error("too late"));
        })
      );
    },
  }), { handlerTimeoutMs: 100, restart: "permanent" });
  ref.tell({ kind: "hang" });
  await world.pass(2000);
  assert.equal(late, ["STALE_CONTEXT", "STALE_CONTEXT", "STALE_CONTEXT"]);
  assert.is(stale!.signal.aborted, true);
  ref.tell(say("alive"));
  await world.pass(10);
  assert.is(log.at(-1), "say");
  assert.ok(entries.some(({ message }) => message.includes("given up has rejected")));
});

actor("a factory or start that fails is a failure like any other", async () => {
  const { world, system } = scene("start");
  let tries = 0;
  const once = (): Behavior<string> => {
    if (++tries < 3) throw new Error("not yet");
    return { receive: () => {} };
  };
  system.spawn("factory", once, { restart: "transient" });
  await world.pass(1000);
  assert.is(tries, 3);
  const ref = system.spawn<string>("start", () => ({ start: () => Promise.reject(new Error("no")), receive: () => {} }));
  assert.is(reasons((await world.run(system.whenStopped(ref)))!), "failed: no");
});

actor("stop in the middle of a turn: the message in hand is the last", async () => {
  const { world, system, letters } = scene("stopSelf");
  const read: number[] = [];
  const ref = system.spawn<number>("a", () => ({
    receive(n, context) {
      read.push(n);
      if (n === 2) context.stop();
    },
  }));
  for (let n = 0; n < 10; n++) ref.tell(n);
  assert.equal(await world.run(system.whenStopped(ref)), { kind: "normal" });
  assert.equal(read, [0, 1, 2]);
  assert.equal(letters.map(({ message }) => message), [3, 4, 5, 6, 7, 8, 9]);
});

actor("a stopping actor waits for its handler, then stops its children, the last first, then itself", async () => {
  const { world, system, log } = scene("order");
  const parent = system.spawn<Order>("p", () => ({
    ...noting(log, "p"),
    start(context) {
      for (const name of ["c1", "c2", "c3"]) context.spawn(name, () => noting(log, name));
    },
  }));
  await world.pass(10);
  parent.tell({ kind: "slow", ms: 50 });
  await world.pass(10);
  log.length = 0;
  await world.run(system.stop(parent));
  assert.equal(log, ["p slow end", "c3 stop shutdown", "c2 stop shutdown", "c1 stop shutdown", "p stop normal"]);
  assert.equal(system.actors(), []);
});

actor("context.signal aborts when the actor stops, also when it is first looked at afterwards", async () => {
  const { world, system } = scene("signal");
  const contexts: ActorContext<string>[] = [];
  const heard: string[] = [];
  const ref = system.spawn<string>("a", () => ({
    start(context) {
      contexts.push(context);
      context.signal.addEventListener("abort", () => heard.push("abort"));
    },
    receive: () => {},
  }));
  await world.pass(1);
  assert.equal(heard, []);
  await world.run(system.stop(ref));
  assert.equal(heard, ["abort"]);
  assert.is(contexts[0]!.signal.aborted, true);
});

actor("context.fail fails the actor as if the handler had thrown", async () => {
  const { world, system } = scene("fail");
  const ref = system.spawn<string>("a", () => ({ receive: (_, context) => context.fail(new Error("chosen")) }));
  ref.tell("x");
  assert.is(reasons((await world.run(system.whenStopped(ref)))!), "failed: chosen");
});

actor("timers arrive ahead of waiting messages, cancelled ones never, and none outlives its actor", async () => {
  const { world, system } = scene("timers");
  const read: string[] = [];
  const ref = system.spawn<string>("a", () => ({
    start(context) {
      context.setTimer(20, "cancelled before").cancel();
      const late = context.setTimer(10, "cancelled while waiting");
      context.setTimer(10, "ten");
      context.setTimer(30, "thirty");
      context.setTimer(5000, "after the stop");
      world.clock.setTimer(15, () => late.cancel());
    },
    async receive(message, context) {
      read.push(message);
      if (message === "busy") await new Promise<void>((resolve) => void context.clock.setTimer(18, resolve));
    },
  }));
  ref.tell("busy");
  ref.tell("waits");
  await world.pass(25);
  assert.equal(read, ["busy", "ten", "waits"]);
  await world.pass(10);
  assert.equal(read, ["busy", "ten", "waits", "thirty"]);
  await world.run(system.stop(ref));
  assert.is(world.clock.waiting, 0);
});

actor("a receive timeout comes when no message came, again after each silence, until it is ended", async () => {
  const { world, system } = scene("silence");
  const read: string[] = [];
  const ref = system.spawn<string>("a", () => ({
    start: (context) => context.setReceiveTimeout(100, "silence"),
    receive(message, context) {
      read.push(message);
      if (message === "end") context.setReceiveTimeout(undefined);
    },
  }));
  await world.pass(50);
  ref.tell("x");
  await world.pass(60);
  assert.equal(read, ["x"]);
  await world.pass(100);
  assert.equal(read, ["x", "silence"]);
  await world.pass(100);
  assert.equal(read, ["x", "silence", "silence"]);
  ref.tell("end");
  await world.pass(1000);
  assert.equal(read, ["x", "silence", "silence", "end"]);
});

actor("a receive timeout does not come while a handler is pending or messages wait", async () => {
  const { world, system } = scene("busy");
  const read: string[] = [];
  const ref = system.spawn<string>("a", () => ({
    start: (context) => context.setReceiveTimeout(20, "silence"),
    async receive(message, context) {
      await new Promise<void>((resolve) => void context.clock.setTimer(100, resolve));
      read.push(message);
    },
  }));
  for (const message of ["1", "2", "3"]) ref.tell(message);
  await world.pass(330);
  assert.equal(read, ["1", "2", "3"]);
  await world.pass(120);
  assert.equal(read, ["1", "2", "3", "silence"]);
});

actor("what was put aside waits for the next life, and becomes dead letters when there is none", async () => {
  const { world, system, letters } = scene("stash and crash");
  const read: string[] = [];
  let lives = 0;
  const ref = system.spawn<string>("a", () => {
    const first = ++lives === 1;
    return {
      receive(message, context) {
        if (message === "crash") throw new Error(message);
        if (first || message === "keep") context.stash(message);
        else read.push(message);
      },
    };
  }, { restart: "transient" });
  for (const message of ["1", "2", "crash", "3", "keep"]) ref.tell(message);
  await world.pass(500);
  assert.equal(read, ["1", "2", "3"]);
  await world.run(system.stop(ref));
  assert.equal(letters.map(({ message, reason }) => [message, reason]), [["crash", "failed"], ["keep", "stopped"]]);
});

actor("stashed messages come back at the front in their order; a full stash refuses", async () => {
  const { world, system } = scene("stash");
  const read: string[] = [];
  let ready = false;
  const ref = system.spawn<string>("a", () => ({
    receive(message, context) {
      if (message === "open") {
        ready = true;
        context.unstash();
      } else if (ready) read.push(message);
      else context.stash(message);
    },
  }), { capacity: 4 });
  for (const message of ["1", "2", "open", "3"]) ref.tell(message);
  await world.pass(20);
  assert.equal(read, ["1", "2", "3"]);

  const full = system.spawn<string>("full", () => ({ receive: (message, context) => context.stash(message) }), { capacity: 2 });
  full.tell("1");
  full.tell("2");
  await world.pass(20);
  full.tell("3");
  assert.match(reasons((await world.run(system.whenStopped(full)))!), /put 2 messages aside/);
});

actor.run();
