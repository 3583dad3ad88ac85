import { ErrorCode, type NatsConnection, NatsError } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../actors/system_clock.ts";
import type { SinkWriter } from "../../runtime/graph/sink.ts";
import { EpochCommit } from "../../runtime/nats/epoch_commit.ts";
import { jetStreamSink } from "../../runtime/nats/mod.ts";
import { plainSinkConformance, transactionalSinkConformance } from "../connectors/sink_conformance.ts";
import { skip } from "../skip.ts";
import { type JetStreamWorld, jetStreamWorld } from "./jetstream_world.ts";
import { findNatsServer } from "./server.ts";

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const [major = 0, minor = 0] = program.version.replace(/^v/, "").split(".").map(Number);
  const hasBatches = major > 2 || (major === 2 && minor >= 12);
  if (!hasBatches) skip(`nats-server ${program.version} has no atomic batches`);
  for (const atomic of hasBatches ? [true, false] : [false]) {
    transactionalSinkConformance(`jetstream, ${atomic ? "atomic batches" : "one by one"}`, async () => {
      const { server, world, addStream, read, end } = await jetStreamWorld();
      await addStream({ name: "OUT", subjects: ["out.>"], allow_atomic: atomic });
      const sink = jetStreamSink<unknown>({ nats: { servers: server.url }, stream: "OUT", subject: "out.a" });
      return { world, sink, visible: () => read("OUT"), dispose: end };
    });

    const commits = suite(`JetStream commits, ${atomic ? "atomic batches" : "one by one"}`);
    const test = (title: string, body: (world: JetStreamWorld) => Promise<void>) =>
      commits(title, async () => {
        const world = await jetStreamWorld();
        try {
          await world.addStream({ name: "OUT", subjects: ["out.>"], allow_atomic: atomic });
          await body(world);
        } finally {
          await world.end();
        }
      });
    const owner = { stream: "OUT", markers: "out._sluice.a.0", name: "a-0" };
    const epoch = (id: number, count: number) => ({
      id,
      messages: Array.from({ length: count }, (_, n) => ({
        subject: "out.a",
        data: new TextEncoder().encode(JSON.stringify(`${id}.${n}`)),
      })),
    });
    const all = (...epochs: ReturnType<typeof epoch>[]) =>
      epochs.flatMap(({ id, messages }) => messages.map((_, n) => `${id}.${n}`));

    test("fault 40: whoever dies after any message is followed by one who publishes exactly the rest", async ({ nats, read }) => {
      const expected: string[] = [];
      for (const [index, after] of [0, 1, 2, 5, 11, 12, 13].entries()) {
        const id = index + 1;
        const dying = new EpochCommit(dyingAfter(nats, after), owner, { atomic, confirmMs: 1_000, attempt: id });
        dying.isNew(id);
        const died = await dying.commit(epoch(id, 12)).then(() => false, () => true);
        assert.is(died, after < 13, `dies after ${after}`);
        const successor = new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: id + 100 });
        await successor.commit(epoch(id, 12));
        expected.push(...all(epoch(id, 12)));
        assert.equal(await read("OUT"), expected, `dies after ${after}`);
      }
    });

    test("fault 30: a zombie that commits what its successor has committed, and more, changes nothing", async (world) => {
      const { nats, read } = world;
      const zombie = new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: 1 });
      await zombie.commit(epoch(1, 5));
      const successor = new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: 2 });
      await successor.commit(epoch(2, 5));
      await successor.commit(epoch(3, 5));
      await zombie.commit(epoch(2, 5));
      await zombie.commit(epoch(3, 5));
      assert.equal(await read("OUT"), all(epoch(1, 5), epoch(2, 5), epoch(3, 5)));
    });

    test("fault 39: what is not confirmed is looked for and published once, also when ids are forgotten", async (world) => {
      const { nats, read, addStream } = world;
      await addStream({ name: "SHORT", subjects: ["short.>"], allow_atomic: atomic, duplicate_window: 100_000_000 });
      for (const [stream, subject] of [["OUT", "out.a"], ["SHORT", "short.a"]] as const) {
        const deaf = new Unconfirmed(nats);
        const place = { ...owner, stream, markers: `${subject}._sluice.0` };
        const patience = { clock: systemClock, patienceMs: 30_000 };
        const commit = new EpochCommit(deaf.connection, place, { atomic, confirmMs: 1_000, attempt: 1, patience });
        const of = (id: number) => ({ id, messages: epoch(id, 12).messages.map((message) => ({ ...message, subject })) });
        commit.isNew(1);
        await commit.commit(of(1));
        deaf.next(3); // of the second epoch, the outcome of three messages is not known
        commit.isNew(2);
        await commit.commit(of(2));
        assert.is(deaf.lost, 3, "confirmations were lost");
        assert.equal(await read(stream), all(epoch(1, 12), epoch(2, 12)));
      }
    });

    test("two that commit the same at the same time are seen as one", async ({ nats, read }) => {
      const twins = [1, 2].map((attempt) => new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt }));
      for (const id of [1, 2, 3]) await Promise.all(twins.map((twin) => twin.commit(epoch(id, 20))));
      assert.equal(await read("OUT"), all(epoch(1, 20), epoch(2, 20), epoch(3, 20)));
    });

    test("an epoch of more messages than a batch takes comes whole and in order", async ({ nats, read }) => {
      const commit = new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: 1 });
      await commit.commit(epoch(7, 2_500));
      assert.equal(await read("OUT"), all(epoch(7, 2_500)));
      await new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: 2 }).commit(epoch(7, 2_500));
      assert.is((await read("OUT")).length, 2_500);
    });

    test("a server that is killed while an epoch goes out is waited for", async ({ server, nats, read }) => {
      const commit = new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: 1 });
      await commit.commit(epoch(1, 10));
      const dying = commit.commit(epoch(2, 900)).then(() => true, () => false);
      await server.kill();
      await server.start();
      await dying;
      await nats.flush().catch(() => {}); // the first flush may meet the break
      const next = new EpochCommit(nats, owner, { atomic, confirmMs: 1_000, attempt: 2 });
      let done = false;
      for (let tries = 0; !done && tries < 50; tries++) done = await next.commit(epoch(2, 900)).then(() => true, () => false);
      assert.ok(done);
      assert.equal(await read("OUT"), all(epoch(1, 10), epoch(2, 900)));
    });

    commits.run();
  }

  plainSinkConformance("jetstream", async () => {
    const { server, world, addStream, read, end } = await jetStreamWorld();
    await addStream({ name: "OUT", subjects: ["out.>"] });
    const options = { nats: { servers: server.url }, stream: "OUT", subject: "out.a", delivery: "at-least-once" } as const;
    return { world, sink: jetStreamSink<unknown>(options), visible: () => read("OUT"), dispose: end };
  });

  const sink = suite("JetStream sink");

  sink("fault 39: without transactions a message whose confirmation is lost fails the attempt, and may come twice", async () => {
    const { nats, world, addStream, read, end } = await jetStreamWorld();
    await addStream({ name: "OUT", subjects: ["out.>"] });
    const deaf = new Unconfirmed(nats);
    const options = { nats: deaf.connection, stream: "OUT", subject: "out.a", delivery: "at-least-once" } as const;
    for (let attempt = 1; attempt <= 2; attempt++) {
      const writer = await world.done(jetStreamSink<number>(options).open(world.sink({ attempt }))) as SinkWriter<number>;
      if (attempt === 1) deaf.next(1);
      let failure: unknown;
      try {
        for (const n of [1, 2, 3]) await world.done(writer.write(n));
        await world.done(writer.flush?.());
      } catch (error) {
        failure = error;
      }
      assert.is(failure === undefined, attempt === 2, String(failure));
      await world.done(writer.close());
    }
    assert.is(deaf.lost, 1);
    const seen = await read("OUT");
    assert.ok(seen.length > 3, "what was not confirmed was stored all the same");
    assert.is(seen[0], 1);
    assert.equal(seen.slice(-3), [1, 2, 3]);
    await end();
  });

  sink("says what the stream lacks, and refuses one without a place for marks, and subjects that are none", async () => {
    const { server, world, addStream, end } = await jetStreamWorld();
    await addStream({ name: "OUT", subjects: ["out.>"] });
    const options = { nats: { servers: server.url }, stream: "OUT", subject: "out.a" };
    const writer = await world.done(jetStreamSink<number>(options).open(world.sink()));
    await world.done(writer.close());
    const warnings = world.log.map(({ message }) => message).join("\n");
    assert.match(warnings, /stream OUT has no atomic batches/);
    assert.match(warnings, /a power failure can lose what it confirmed/);
    await addStream({ name: "NARROW", subjects: ["narrow.a"] });
    const narrow = jetStreamSink<number>({ ...options, stream: "NARROW", subject: "narrow.a" });
    const error = await world.done(narrow.open(world.sink())).then(() => assert.unreachable(), (error) => error);
    assert.is(error.code, "MARKER_SUBJECT_MISSING");
    const wild = await world.done(jetStreamSink<number>({ ...options, subject: () => "out.*" }).open(world.sink()));
    assert.throws(() => wild.write(1), (error: Error) => /sink out: "out\.\*" is no subject/.test(error.message));
    await world.done(wild.close());
    await end();
  });

  sink.run();
}

/** A connection on which confirmations are lost: what was asked for is done, and nobody hears of it. */
class Unconfirmed {
  readonly connection: NatsConnection;
  lost = 0;
  #left = 0;

  constructor(nats: NatsConnection) {
    const jetstream = nats.jetstream();
    const heard = async <T>(work: Promise<T>): Promise<T> => {
      const lost = this.#left > 0;
      if (lost) this.#left--;
      const answer = await work;
      if (!lost) return answer;
      this.lost++;
      throw new NatsError("TIMEOUT", ErrorCode.Timeout);
    };
    this.connection = new Proxy(nats, {
      get: (target, name) => {
        if (name === "request") {
          return (...args: Parameters<NatsConnection["request"]>) => {
            const answer = target.request(...args);
            return args[0].startsWith("$JS.") ? answer : heard(answer);
          };
        }
        if (name === "jetstream") {
          return () => ({
            consumers: jetstream.consumers,
            publish: (...args: Parameters<typeof jetstream.publish>) => heard(jetstream.publish(...args)),
          });
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** The next so many confirmations are lost. */
  next(count: number): void {
    this.#left = count;
  }
}

/** The connection of a process that dies: after so many messages nothing it sends arrives, and it hears nothing. */
function dyingAfter(nats: NatsConnection, messages: number): NatsConnection {
  let left = messages;
  const isDead = () => left-- <= 0;
  const jetstream = nats.jetstream();
  const dead = () => Promise.reject(new Error("the process died"));
  return new Proxy(nats, {
    get(target, name) {
      if (name === "request") {
        return (...args: Parameters<NatsConnection["request"]>) => isDead() ? dead() : target.request(...args);
      }
      if (name === "publish") {
        return (...args: Parameters<NatsConnection["publish"]>) => isDead() ? undefined : target.publish(...args);
      }
      if (name === "jetstream") {
        return () => ({
          consumers: jetstream.consumers,
          publish: (...args: Parameters<typeof jetstream.publish>) => isDead() ? dead() : jetstream.publish(...args),
        });
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
