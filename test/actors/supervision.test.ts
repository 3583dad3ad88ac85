import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import type { ActorContext, Behavior, ChildSpec, StopReason } from "../../actors/behavior.ts";
import type { SluiceError } from "../../actors/error.ts";
import type { ActorRef } from "../../actors/ref.ts";
import { World } from "../../actors/simulation/world.ts";
import type { Restart, Strategy, SupervisionOptions } from "../../actors/supervisor.ts";

import { family, type Order, permanent } from "./family.ts";

const supervision = suite("supervision");

supervision("one-for-one restarts the child that failed, with its ref and its unread messages", async () => {
  const { refs, after } = family("one", { strategy: "one-for-one" }, { a: permanent, b: permanent });
  const log = await after(() => {
    refs["a"]!.tell("crash");
    refs["a"]!.tell("ping");
  });
  assert.is(log, "-a +a a pong");
});

supervision("one-for-all restarts all: stops in reverse, starts in order", async () => {
  const { refs, after } = family("all", { strategy: "one-for-all" }, { a: permanent, b: permanent, c: permanent });
  assert.is(await after(() => refs["b"]!.tell("crash")), "-b -c -a +a +b +c");
});

supervision("rest-for-one restarts the child that failed and those started after it", async () => {
  const { refs, after } = family("rest", { strategy: "rest-for-one" }, { a: permanent, b: permanent, c: permanent });
  assert.is(await after(() => refs["b"]!.tell("crash")), "-b -c +b +c");
});

supervision(
  "a temporary child that a sibling's failure took along does not come back, and who watches it learns so",
  async () => {
    const { world, system, refs, after } = family("temp", { strategy: "one-for-all" }, { a: permanent, t: {} });
    await world.pass(10);
    const reason = system.whenStopped(refs["t"]!);
    assert.is(await after(() => refs["a"]!.tell("crash")), "-a -t +a");
    assert.equal(await world.run(reason), { kind: "shutdown" });
  },
);

supervision("permanent comes back after a normal end, transient and temporary do not", async () => {
  const children = { p: permanent, r: { restart: "transient" as Restart }, t: {} };
  const { refs, after } = family("finish", {}, children);
  assert.is(await after(() => refs["p"]!.tell("finish")), "-p +p");
  assert.is(await after(() => refs["r"]!.tell("finish")), "-r");
  assert.is(await after(() => refs["t"]!.tell("finish")), "-t");
});

supervision("a child that its parent stops does not come back, not even a permanent one that waits for its restart", async () => {
  const slow: SupervisionOptions = { backoff: { minMs: 500, maxMs: 500, jitter: 0 } };
  const { world, system, parent, refs, after } = family("stopped", slow, { a: permanent, b: permanent });
  assert.is(await after(() => parent.tell("a")), "-a");
  assert.is(await after(() => refs["b"]!.tell("crash"), 100), "-b");
  const gone = system.whenStopped(refs["b"]!);
  parent.tell("b");
  assert.is((await world.run(gone))!.kind, "normal");
  await world.pass(2000);
  assert.equal(system.actors().map(({ path }) => path), ["parent"]);
});

supervision("too many restarts within the window: the supervisor stops its children and fails with the cause", async () => {
  const { world, system, parent, refs, log } = family("intensity", { maxRestarts: 2, windowMs: 1000 }, {
    a: permanent,
    b: permanent,
  });
  await world.pass(10);
  const reason = system.whenStopped(parent);
  for (let i = 0; i < 3; i++) refs["a"]!.tell("crash");
  const end = (await world.run(reason)) as StopReason & { kind: "failed" };
  assert.is((end.cause as SluiceError).code, "RESTART_INTENSITY");
  assert.match((end.cause as Error).message, /parent\/a exited again after 2 restarts within 1000 ms/);
  assert.match(((end.cause as Error).cause as Error).message, /a crashed/);
  assert.is(log.filter((line) => line === "+a").length, 3);
  assert.is(log.at(-1), "-b");
});

supervision("restarts spread over time never add up to a failure", async () => {
  const { world, refs, log } = family("spread", { maxRestarts: 2, windowMs: 1000, backoff: { maxMs: 10 } }, { a: permanent });
  for (let i = 0; i < 20; i++) {
    await world.pass(600);
    refs["a"]!.tell("crash");
  }
  await world.pass(600);
  assert.is(log.filter((line) => line === "+a").length, 21);
});

supervision("top-level supervision that gives up shuts the system down, and terminated says why", async () => {
  const world = new World("top");
  const system = world.system("s", { supervision: { maxRestarts: 1 } });
  const ref = system.spawn<Order>("a", () => ({
    receive() {
      throw new Error("always");
    },
  }), permanent);
  ref.tell("crash");
  ref.tell("crash");
  const reason = (await world.run(system.terminated)) as StopReason & { kind: "failed" };
  assert.is((reason.cause as SluiceError).code, "RESTART_INTENSITY");
  assert.throws(() => system.spawn("b", () => ({ receive: () => {} })), /has stopped/);
});

supervision("a restart waits longer each time, and messages wait with it", async () => {
  const backoff = { minMs: 100, maxMs: 1000, jitter: 0 };
  const { refs, after } = family("backoff", { maxRestarts: 10, backoff }, { a: permanent });
  const crash = () => refs["a"]!.tell("crash");
  assert.is(await after(crash, 90), "-a");
  assert.is(await after(() => refs["a"]!.tell("ping"), 50), "a pong");
  assert.is(await after(crash, 190), "-a");
  assert.is(await after(() => {}, 50), "");
});

supervision("spawnInOrder starts each child when the start of the one before is over, also when they are restarted", async () => {
  const world = new World("inorder");
  const system = world.system("s");
  const log: string[] = [];
  let first: ActorRef<Order> | undefined;
  const slow = (name: string, ms: number): ChildSpec<Order> => ({
    name,
    restart: "permanent",
    factory: () => ({
      async start(context) {
        log.push(`${name} begins`);
        await new Promise<void>((resolve) => void context.clock.setTimer(ms, resolve));
        log.push(`${name} started`);
      },
      receive() {
        throw new Error("crash");
      },
    }),
  });
  system.spawn<string>("parent", () => ({
    start(context) {
      [first] = context.spawnInOrder([slow("a", 50), slow("b", 1)]);
    },
    receive: () => {},
  }), { supervision: { strategy: "one-for-all" } });
  const expected = ["a begins", "a started", "b begins", "b started"];
  await world.pass(200);
  assert.equal(log, expected);
  first?.tell("crash");
  await world.pass(500);
  assert.equal(log, [...expected, ...expected]);
});

supervision("under any exits and stops the executor ends with exactly the children that should live", async () => {
  const act = fc.record({
    child: fc.integer({ min: 0, max: 3 }),
    order: fc.constantFrom<Order>("crash", "finish"),
    gapMs: fc.constantFrom(0, 1, 15, 200),
  });
  const strategies = fc.constantFrom<Strategy>("one-for-one", "one-for-all", "rest-for-one");
  const restarts = fc.array(fc.constantFrom<Restart>("permanent", "transient", "temporary"), { minLength: 4, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.nat(), strategies, restarts, fc.array(act, { maxLength: 8 }), async (seed, strategy, kinds, acts) => {
      const children = Object.fromEntries(kinds.map((restart, i) => [`c${i}`, { restart }]));
      const { world, system, refs, log } = family(`any ${seed}`, { strategy, maxRestarts: 1000 }, children);
      await world.pass(20);
      const ended = new Set<string>();
      for (const [name, ref] of Object.entries(refs)) void system.whenStopped(ref).then(() => ended.add(name));
      for (const { child, order, gapMs } of acts) {
        refs[`c${child}`]!.tell(order);
        await world.pass(gapMs);
      }
      await world.pass(30_000);
      const living = system.actors().filter(({ phase }) => phase === "live").map(({ path }) => path);
      assert.equal(living, ["parent", ...Object.keys(refs).filter((name) => !ended.has(name)).map((name) => `parent/${name}`)]);
      for (const [i, kind] of kinds.entries()) if (kind === "permanent") assert.ok(!ended.has(`c${i}`));
      // Lives do not overlap, and each that began and ended was told so once.
      for (const name of Object.keys(refs)) {
        const lives = log.filter((line) => line.endsWith(name)).map((line) => line[0]).join("");
        assert.match(lives, ended.has(name) ? /^(\+-)*$/ : /^(\+-)*\+$/);
      }
      await world.run(system.shutdown());
      assert.is(world.clock.waiting, 0);
    }),
    { seed: 6, numRuns: 60 },
  );
});

supervision(
  "the end of significant children ends their supervisor with reason shutdown, the others in reverse before it",
  async () => {
    const { world, system, parent, refs, log } = family("significant", { autoShutdown: "all-significant" }, {
      a: permanent,
      s1: { restart: "transient", significant: true },
      b: permanent,
      s2: { significant: true },
    });
    await world.pass(50);
    const end = system.whenStopped(parent);
    refs["s1"]!.tell("crash");
    refs["s2"]!.tell("crash");
    await world.pass(500);
    assert.is(system.actors().length, 4, "s1 has come back, so only s2 has ended");
    log.length = 0;
    refs["s1"]!.tell("finish");
    assert.equal(await world.run(end), { kind: "shutdown" });
    assert.equal(log, ["-s1", "-b", "-a"]);
  },
);

supervision("a significant child that its supervisor stops ends nobody", async () => {
  const { world, system, parent } = family("any significant", { autoShutdown: "any-significant" }, { s: { significant: true } });
  await world.pass(50);
  parent.tell("s");
  await world.pass(500);
  assert.equal(system.actors().map(({ path }) => path), ["parent"]);
});

supervision("a system ends by itself when its significant actors have", async () => {
  const world = new World("significant system");
  const system = world.system("s", { supervision: { autoShutdown: "any-significant" } });
  system.spawn<Order>("main", () => ({ receive: (_, context) => context.stop() }), { significant: true }).tell("finish");
  system.spawn<Order>("other", () => ({ receive: () => {} }), permanent);
  assert.equal(await world.run(system.terminated), { kind: "shutdown" });
  assert.is(world.clock.waiting, 0);
});

supervision("a child that cannot be significant is refused, and nothing of a list that is refused is started", async () => {
  const world = new World("refused");
  const system = world.system("s");
  const factory = (): Behavior<Order> => ({ receive: () => {} });
  assert.throws(() => system.spawn("a", factory, { significant: true }), /a: it cannot be significant: .*autoShutdown is never/);
  let context: ActorContext<string> | undefined;
  system.spawn<string>("parent", () => ({ start: (given) => void (context = given), receive: () => {} }), {
    supervision: { autoShutdown: "any-significant" },
  });
  await world.pass(10);
  const bad = { name: "b", factory, significant: true, ...permanent };
  assert.throws(() => context!.spawnInOrder([{ name: "a", factory }, bad]), /b: it cannot be significant: a permanent child/);
  assert.throws(() => context!.spawnInOrder([{ name: "a", factory }, { name: "a", factory }]), /two children .* called "a"/);
  const [a, b] = context!.spawnInOrder([{ name: "a", factory }, { name: "b", factory }]);
  a.tell("ping");
  b.tell("ping");
  await world.pass(10);
  assert.equal(system.actors().map(({ path, phase }) => `${path} ${phase}`), ["parent live", "parent/a live", "parent/b live"]);
});

supervision.run();
