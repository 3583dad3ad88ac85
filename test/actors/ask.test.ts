import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SluiceError } from "../../actors/error.ts";
import type { ReplyTo } from "../../actors/ref.ts";
import { World } from "../../actors/simulation/world.ts";

const ask = suite("ask");

type Message =
  | { readonly kind: "double"; readonly n: number; readonly replyTo: ReplyTo<number> }
  | { readonly kind: "name"; readonly replyTo: ReplyTo<string> }
  | { readonly kind: "later"; readonly ms: number; readonly replyTo: ReplyTo<string> }
  | { readonly kind: "throw"; readonly replyTo: ReplyTo<never> }
  | { readonly kind: "note" };

function answering(seed: string) {
  const world = new World(seed);
  const system = world.system("s");
  const replies: ReplyTo<string>[] = [];
  const ref = system.spawn<Message>("a", () => ({
    receive(message, context) {
      switch (message.kind) {
        case "double":
          return message.replyTo.tell(message.n * 2);
        case "name":
          return message.replyTo.tell("a");
        case "later":
          replies.push(message.replyTo);
          context.clock.setTimer(message.ms, () => message.replyTo.tell("late"));
          return;
        case "throw":
          throw new Error("bad question");
        default:
          return;
      }
    },
  }), { restart: "permanent" });
  const failure = (promise: Promise<unknown>) => world.run(promise.then(() => undefined, (error: SluiceError) => error));
  return { world, system, ref, replies, failure };
}

ask("is answered with the type of its question", async () => {
  const { world, ref } = answering("typed");
  const doubled: number = (await world.run(ref.ask({ kind: "double", n: 21 })))!;
  const name: string = (await world.run(ref.ask({ kind: "name" })))!;
  assert.equal([doubled, name], [42, "a"]);
  // @ts-expect-error the answer to double is a number
  const wrong: Promise<string> = ref.ask({ kind: "double", n: 1 });
  await world.run(wrong);
  // @ts-expect-error a note is no question
  ref.ask({ kind: "note" }).catch(() => {});
});

ask("rejects after its timeout; the answer that comes later is dropped and leaves nothing behind", async () => {
  const { world, ref, replies, failure } = answering("late");
  const error = await failure(ref.ask({ kind: "later", ms: 500 }, { timeoutMs: 100 }));
  assert.is(error?.code, "ASK_TIMEOUT");
  assert.match(error!.message, /no answer from .*\/a#\d+ within 100 ms/);
  await world.pass(1000);
  replies[0]!.tell("even later");
  assert.is(world.clock.waiting, 0);
});

ask("takes the first of several answers", async () => {
  const { world, system } = answering("twice");
  const ref = system.spawn<{ kind: "q"; replyTo: ReplyTo<number> }>("twice", () => ({
    receive({ replyTo }) {
      replyTo.tell(1);
      replyTo.tell(2);
    },
  }));
  assert.is(await world.run(ref.ask({ kind: "q" })), 1);
});

ask("ends when its signal aborts, before or while it waits", async () => {
  const { world, ref, failure } = answering("abort");
  const controller = new AbortController();
  const waiting = failure(ref.ask({ kind: "later", ms: 500 }, { signal: controller.signal }));
  world.clock.setTimer(10, () => controller.abort(new Error("enough")));
  const error = await waiting;
  assert.is(error?.code, "ASK_ABORTED");
  assert.is((error?.cause as Error).message, "enough");
  assert.is((await failure(ref.ask({ kind: "name" }, { signal: controller.signal })))?.code, "ASK_ABORTED");
});

ask("fails at once when the actor fails on the question, and the actor comes back", async () => {
  const { world, ref, failure } = answering("fails");
  const before = world.clock.monotonic();
  const error = await failure(ref.ask({ kind: "throw" }));
  assert.is(error?.code, "ASK_FAILED");
  assert.is((error?.cause as Error).message, "bad question");
  assert.ok(world.clock.monotonic() - before < 100);
  assert.is(await world.run(ref.ask({ kind: "name" })), "a");
});

ask("fails at once when the actor has stopped, or stops with the question unread", async () => {
  const { world, system, ref, failure } = answering("dead");
  await world.pass(10);
  const stopped = system.stop(ref);
  const unread = failure(ref.ask({ kind: "name" }));
  await world.run(stopped);
  assert.is((await unread)?.code, "ASK_FAILED");
  assert.is((await failure(ref.ask({ kind: "name" })))?.code, "ASK_FAILED");
});

ask("fails when the mailbox is full", async () => {
  const { world, system, failure } = answering("full");
  const ref = system.spawn<Message>("full", () => ({ receive: () => {} }), { capacity: 1 });
  const first = ref.ask({ kind: "name" }, { timeoutMs: 50 }).catch(() => {});
  const error = await failure(ref.ask({ kind: "name" }));
  assert.is((error?.cause as SluiceError).code, "MAILBOX_FULL");
  await world.run(first);
});

ask("takes an actor as replyTo where the answer shall become a message", async () => {
  const { world, system, ref } = answering("actor");
  const heard: number[] = [];
  const listener = system.spawn<number>("listener", () => ({ receive: (n) => void heard.push(n) }));
  ref.tell({ kind: "double", n: 4, replyTo: listener });
  await world.run(() => heard.length === 1);
  assert.equal(heard, [8]);
});

ask("refuses a timeout that is none", async () => {
  const { ref, failure } = answering("timeout");
  assert.is((await failure(ref.ask({ kind: "name" }, { timeoutMs: -1 })))?.code, "OPTION_OUT_OF_RANGE");
});

ask.run();
