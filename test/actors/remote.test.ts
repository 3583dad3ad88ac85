import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Signal, StopReason } from "../../actors/behavior.ts";
import type { DeadLetter } from "../../actors/dead_letter.ts";
import type { SluiceError } from "../../actors/error.ts";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import type { ActorRef, ReplyTo } from "../../actors/ref.ts";
import { World, type WorldOptions } from "../../actors/simulation/world.ts";
import type { Transport } from "../../actors/transport.ts";
import { seeds } from "../seeds.ts";

type Message =
  | { readonly kind: "note"; readonly n: number }
  | { readonly kind: "double"; readonly n: number; readonly replyTo: ReplyTo<number> }
  | { readonly kind: "pass"; readonly to: ActorRef<Message>; readonly also: readonly { readonly ref: ActorRef<Message> }[] }
  | { readonly kind: "crash"; readonly replyTo: ReplyTo<never> }
  | { readonly kind: "stop" };

const schema = Type.Union([
  Type.Object({ kind: Type.Literal("note"), n: Type.Number() }),
  Type.Object({ kind: Type.Literal("double"), n: Type.Number(), replyTo: Type.Any() }),
  Type.Object({ kind: Type.Literal("pass"), to: Type.Any(), also: Type.Array(Type.Object({ ref: Type.Any() })) }),
  Type.Object({ kind: Type.Union([Type.Literal("crash"), Type.Literal("stop")]) }),
]);

const joins = {
  "a memory broker": (world: World) => {
    const broker = new MemoryBroker({ clock: world.clock });
    return (): Transport => broker.connect();
  },
  "a simulated network": (world: World) => (name: string): Transport => world.network.connect(name),
};

/** Two systems of one world, joined; `home` watches and asks, `away` has the actors. */
function two(seed: string | number, join: (world: World) => (name: string) => Transport, options: WorldOptions = {}) {
  const world = new World(seed, options);
  const connect = join(world);
  const letters: DeadLetter[] = [];
  const notes: number[] = [];
  const signals: Signal[] = [];
  const create = (name: string) =>
    world.system(name, {
      onDeadLetter: (letter) => letters.push(letter),
      remote: { transport: connect(name), heartbeatMs: 100, unreachableMs: 1000 },
    });
  const [home, away] = [create("home"), create("away")];
  const spawn = (name: string) =>
    away.spawn<Message>(name, () => ({
      schema,
      receive(message, context) {
        switch (message.kind) {
          case "note":
            return void notes.push(message.n);
          case "double":
            return message.replyTo.tell(message.n * 2);
          case "pass":
            message.to.tell({ kind: "note", n: 1 });
            for (const { ref } of message.also) ref.tell({ kind: "note", n: 2 });
            return;
          case "crash":
            throw new Error("crashed away");
          case "stop":
            return context.stop();
          default:
            message satisfies never;
        }
      },
    }));
  const watcher = home.spawn<{ kind: "watch" | "unwatch"; ref: ActorRef<never> }>("watcher", () => ({
    receive: ({ kind, ref }, context) => context[kind](ref),
    signal: (signal) => void signals.push(signal),
  }));
  /** The ref as the other system has it. */
  const far = (ref: ActorRef<Message>) => home.refTo<Message>(ref.address);
  const failure = (promise: Promise<unknown>) => world.run(promise.then(() => undefined, (error: SluiceError) => error));
  const shutdown = () => world.run(Promise.all([home.shutdown(), away.shutdown()]));
  return { world, connect, home, away, letters, notes, signals, spawn, watcher, far, failure, shutdown };
}

const words = (reason: StopReason) => reason.kind === "failed" ? `failed: ${(reason.cause as Error).message}` : reason.kind;

for (const [name, join] of Object.entries(joins)) {
  const remote = suite(`remote actors over ${name}`);

  remote("an actor is found by its system's name and its path; what it is told arrives in order", async () => {
    const { world, home, notes, spawn, failure } = two("order", join);
    spawn("a");
    await world.pass(10);
    const a = (await world.run(home.find<Message>("away", "a")))!;
    const sent = Array.from({ length: 200 }, (_, n) => n);
    for (const n of sent) a.tell({ kind: "note", n });
    await world.run(() => notes.length === sent.length);
    assert.equal(notes, sent);
    assert.is((await failure(home.find("away", "nobody", { timeoutMs: 300 })))?.code, "ACTOR_NOT_FOUND");
    assert.is((await failure(home.find("a.b", "nobody")))?.code, "BAD_NAME");
  });

  remote("refs travel in messages, and lead back to the actor itself", async () => {
    const { world, away, notes, spawn, far } = two("refs", join);
    const [a, b] = [spawn("a"), spawn("b")];
    await world.pass(10);
    far(a).tell({ kind: "pass", to: far(b), also: [{ ref: far(b) }, { ref: a }] });
    await world.run(() => notes.length === 3);
    assert.equal(notes.toSorted(), [1, 2, 2]);
    assert.is(away.refTo<Message>(b.address), b);
  });

  remote("a question is answered; one that fails the actor, or finds none, fails at once with the reason", async () => {
    const { world, away, spawn, far, failure } = two("ask", join);
    const a = spawn("a");
    await world.pass(10);
    assert.is(await world.run(far(a).ask({ kind: "double", n: 21 })), 42);
    const before = world.clock.monotonic();
    const failed = await failure(far(a).ask({ kind: "crash" }));
    assert.is(failed?.code, "ASK_FAILED");
    assert.match(failed!.message, /crashed away/);
    await world.run(away.whenStopped(a));
    assert.is((await failure(far(a).ask({ kind: "double", n: 1 })))?.code, "ASK_FAILED");
    assert.ok(world.clock.monotonic() - before < 200, "none of it waited for a timeout");
  });

  remote("a message that does not fit the schema never reaches the handler: dead letter and asker get the reason", async () => {
    const { world, letters, notes, spawn, far, failure } = two("schema", join);
    const a = spawn("a");
    await world.pass(10);
    far(a).tell({ kind: "note", n: "much" as unknown as number });
    far(a).tell({ kind: "note", n: 7 });
    await world.run(() => notes.length > 0);
    assert.equal(notes, [7]);
    assert.equal(letters.map(({ reason, to }) => [reason, to]), [["invalid", String(a)]]);
    assert.is((letters[0]!.cause as SluiceError).code, "MESSAGE_INVALID");
    const error = await failure(far(a).ask({ kind: "double", n: "x" as unknown as number }));
    assert.match(error!.message, /did not answer: from home-\w+ to a/);
  });

  remote("what cannot be encoded or is too large becomes a dead letter where it was told", async () => {
    const { world, letters, spawn, far, failure } = two("unencodable", join);
    const a = spawn("a");
    await world.pass(10);
    far(a).tell({ kind: "note", n: (() => 1) as unknown as number });
    far(a).tell({ kind: "note", n: "x".repeat(2_000_000) as unknown as number });
    assert.equal(letters.map(({ reason, cause }) => [reason, (cause as SluiceError).code]), [
      ["unreachable", "UNENCODABLE_VALUE"],
      ["unreachable", "PAYLOAD_TOO_LARGE"],
    ]);
    const error = await failure(far(a).ask({ kind: "double", n: Symbol("n") as unknown as number }));
    assert.is((error!.cause as SluiceError).code, "UNENCODABLE_VALUE");
  });

  remote("a watch reports each end once, with its reason, also of an actor that is no more", async () => {
    const { world, away, signals, spawn, watcher, far, shutdown } = two("watch", join);
    const [a, b, c, d] = ["a", "b", "c", "d"].map(spawn) as [
      ActorRef<Message>,
      ActorRef<Message>,
      ActorRef<Message>,
      ActorRef<Message>,
    ];
    await world.pass(10);
    await world.run(away.stop(d));
    for (const ref of [a, b, c, d]) watcher.tell({ kind: "watch", ref: far(ref) });
    watcher.tell({ kind: "unwatch", ref: far(c) });
    await world.pass(50);
    a.tell({ kind: "stop" });
    b.tell({ kind: "crash", replyTo: watcher });
    c.tell({ kind: "stop" });
    await world.pass(5000);
    const seen = signals.map(({ ref, reason }) => `${ref.address.path} ${words(reason)}`);
    assert.equal(seen.toSorted(), ["a normal", "b failed: crashed away", "d gone"]);
    await shutdown();
    assert.is(world.clock.waiting, 0, "nothing is left of either system");
  });

  remote("bytes that are no envelope become dead letters, whatever they are", async () => {
    const { world, connect, away, letters, notes, spawn, far } = two("hostile", join);
    const a = spawn("a");
    await world.pass(10);
    const stranger = connect("stranger");
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        letters.length = 0;
        stranger.publish(`sluice.system.${away.id}`, bytes);
        await world.pass(20);
        assert.equal(letters.map(({ reason }) => reason), ["invalid"]);
      }),
      { seed: 8, numRuns: 100 },
    );
    far(a).tell({ kind: "note", n: 1 });
    await world.run(() => notes.length === 1);
  });

  remote.run();
}

const faulty = suite("remote actors over a faulty network");
const network = joins["a simulated network"];

faulty(
  "who watches across a partition learns after unreachableMs that the actor is unreachable, once; later watches are new",
  async () => {
    const { world, signals, notes, spawn, watcher, far } = two("partition", network);
    const [a, b] = [spawn("a"), spawn("b")];
    await world.pass(10);
    watcher.tell({ kind: "watch", ref: far(a) });
    await world.pass(500);
    const heal = world.network.cut(["home"], ["away"]);
    await world.pass(800);
    assert.equal(signals, [], "a short silence is no death");
    await world.pass(400);
    assert.equal(signals.map(({ reason }) => reason), [{ kind: "unreachable" }]);
    heal();
    a.tell({ kind: "stop" });
    watcher.tell({ kind: "watch", ref: far(b) });
    await world.pass(3000);
    assert.is(signals.length, 1, "the watch of a was over, and b lives");
    far(b).tell({ kind: "note", n: 1 });
    await world.pass(100);
    assert.equal(notes, [1]);
    b.tell({ kind: "stop" });
    await world.pass(500);
    assert.equal(signals.map(({ ref, reason }) => `${ref.address.path} ${reason.kind}`), ["a unreachable", "b normal"]);
  },
);

faulty("thousands of watches are kept up in envelopes that the transport takes", async () => {
  const { world, away, signals, watcher, far, shutdown } = two("many", network);
  const name = (n: number) => `${n}-${"x".repeat(200)}`;
  const refs = Array.from({ length: 2_000 }, (_, n) => away.spawn<Message>(name(n), () => ({ receive: () => {} })));
  await world.run(() => away.actors().every(({ phase }) => phase === "live"));
  for (const ref of refs) watcher.tell({ kind: "watch", ref: far(ref) });
  await world.pass(3000);
  assert.equal(signals, []);
  await world.run(away.shutdown());
  await world.run(() => signals.length === refs.length, { maxMs: 5_000 });
  assert.ok(signals.every(({ reason }) => reason.kind === "shutdown"));
  await shutdown();
});

faulty("a partition that heals in time goes unnoticed", async () => {
  const { world, signals, spawn, watcher, far } = two("short", network);
  const a = spawn("a");
  await world.pass(10);
  watcher.tell({ kind: "watch", ref: far(a) });
  for (let round = 0; round < 10; round++) {
    const heal = world.network.isolate("away");
    await world.pass(700);
    heal();
    await world.pass(300);
  }
  assert.equal(signals, []);
});

faulty("a killed process is reported unreachable, and its successor of the same name has other refs", async () => {
  const { world, home, signals, spawn, watcher, far } = two("killed", network);
  const a = spawn("a");
  await world.pass(10);
  watcher.tell({ kind: "watch", ref: far(a) });
  await world.pass(200);
  world.network.isolate("away");
  const next = world.system("away", { remote: { transport: world.network.connect("away-2") } });
  const heard: string[] = [];
  next.spawn<Message>("a", () => ({ receive: ({ kind }) => void heard.push(kind) }));
  await world.pass(2000);
  assert.equal(signals.map(({ reason }) => reason.kind), ["unreachable"]);
  far(a).tell({ kind: "stop" });
  const found = (await world.run(home.find<Message>("away", "a")))!;
  found.tell({ kind: "note", n: 1 });
  await world.pass(100);
  assert.equal(heard, ["note"]);
  assert.is.not(found.address.system, a.address.system);
});

faulty("under loss, duplicates and corruption messages keep their order, none comes twice, every watch ends once", async () => {
  const runs = seeds(20);
  let arrived = 0;
  let answers = 0;
  for (const seed of runs) {
    const faults = { lossRate: 0.02, burstMs: 100, duplicateRate: 0.1, corruptRate: 0.02 };
    const { world, letters, notes, signals, spawn, watcher, far, shutdown } = two(seed, network, { network: faults });
    const a = spawn("a");
    await world.pass(10);
    watcher.tell({ kind: "watch", ref: far(a) });
    let answered = 0;
    let ended = 0;
    for (let n = 0; n < 300; n++) {
      far(a).tell({ kind: "note", n });
      if (n % 10 === 0) {
        far(a).ask({ kind: "double", n }, { timeoutMs: 500 }).then((twice) => {
          assert.is(twice, 2 * n);
          answered++;
        }, (error: SluiceError) => assert.match(error.code, /^ASK_/)).finally(() => ended++);
      }
      await world.pass(5);
    }
    await world.run(() => ended === 30);
    a.tell({ kind: "stop" });
    await world.run(() => signals.length > 0, { maxMs: 20_000 });
    await world.pass(5000);
    arrived += notes.length;
    answers += answered;
    assert.ok(notes.every((n, index) => index === 0 || n > notes[index - 1]!), `seed ${seed}: ${notes.join(" ")}`);
    assert.is(signals.length, 1, `seed ${seed}`);
    assert.match(signals[0]!.reason.kind, /^(normal|gone|unreachable)$/, `seed ${seed}`);
    for (const { reason } of letters) assert.match(reason, /^(invalid|stopped)$/, `seed ${seed}`);
    await shutdown();
  }
  // A single run may be unlucky; taken together most gets through.
  assert.ok(arrived > 100 * runs.length && answers > 5 * runs.length, `${arrived} notes, ${answers} answers`);
});

faulty("a system that stands alone says so", () => {
  const system = new World("alone").system("s");
  assert.throws(() => system.refTo({ system: "x", path: "a", id: 1 }), (error: SluiceError) => error.code === "NO_TRANSPORT");
});

faulty.run();
