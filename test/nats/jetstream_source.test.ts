import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import type { JsMsg, NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { jetStreamSource } from "../../runtime/nats/mod.ts";
import { readAll, readSplit } from "../connectors/connector_world.ts";
import { sourceConformance } from "../connectors/source_conformance.ts";
import { skip } from "../skip.ts";
import { type JetStreamWorld, jetStreamWorld } from "./jetstream_world.ts";
import { findNatsServer } from "./server.ts";

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => ({ n: from + n }));

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  sourceConformance("jetstream, a whole stream", async () => {
    const { server, world, addStream, publish, end } = await jetStreamWorld();
    await addStream({ name: "IN", subjects: ["in.>"] });
    await publish("in.a", ...numbers(30));
    const source = jetStreamSource({ nats: { servers: server.url }, stream: "IN", untilNow: true, batch: 8 });
    return { world, source, expected: numbers(30), dispose: end };
  });

  const source = suite("JetStream source");
  const test = (title: string, body: (world: JetStreamWorld) => Promise<void>) =>
    source(title, async () => {
      const world = await jetStreamWorld();
      try {
        await world.addStream({ name: "IN", subjects: ["in.>"] });
        await body(world);
      } finally {
        await world.end();
      }
    });
  const refused = async (promise: Promise<unknown>, code: string, message: RegExp) => {
    const error = await promise.then(() => assert.unreachable("it was to be refused"), (error) => error);
    assert.is(error.code, code, String(error));
    assert.match(error.message, message);
  };

  test("subjects are splits, and a record may be made of subject, headers and time", async ({ server, world, publish }) => {
    await publish("in.a", { n: 1 });
    await publish("in.b", { n: 2 });
    await publish("in.c", { n: 3 });
    const source = jetStreamSource({
      nats: { servers: server.url },
      stream: "IN",
      subjects: ["in.a", "in.b", "in.nothing"],
      untilNow: true,
      record: ({ subject, sequence, timestampMs, header }) => ({ subject, sequence, timed: timestampMs > 1e12, h: header("x") }),
    });
    assert.equal(await readAll(world, source), [
      { subject: "in.a", sequence: 1, timed: true, h: [] },
      { subject: "in.b", sequence: 2, timed: true, h: [] },
    ]);
  });

  test("a malformed message fails with its place, or is skipped and counted", async ({ server, world, nats, publish }) => {
    await publish("in.a", { n: 1 });
    await nats.jetstream().publish("in.a", new TextEncoder().encode("{no json"));
    await publish("in.a", { n: "three" }, { n: 4 });
    const options = { nats: { servers: server.url }, stream: "IN", untilNow: true, schema: Type.Object({ n: Type.Number() }) };
    await refused(readAll(world, jetStreamSource(options)), "RECORD_MALFORMED", /message 2 of stream IN \(in\.a\)/);
    assert.equal(await readAll(world, jetStreamSource({ ...options, onMalformed: "skip" })), [{ n: 1 }, { n: 4 }]);
    assert.is(world.counts.get("malformedRecords"), 2);
  });

  test("fault 26: a purged position fails, or goes on at the earliest and counts what is lost", async (subject) => {
    const { server, world, nats, publish } = subject;
    await publish("in.a", ...numbers(10));
    const options = { nats: { servers: server.url }, stream: "IN", untilNow: true };
    const source = jetStreamSource(options);
    const [split] = await world.done(source.splits(world.source()));
    const reads = await readSplit(world, source, split!);
    const { position } = reads[2]!;
    await (await nats.jetstreamManager()).streams.purge("IN", { seq: 8 });
    const rest = (policy: "fail" | "earliest") =>
      readSplit(world, jetStreamSource({ ...options, onDataLoss: policy }), split!, { position });
    await refused(rest("fail"), "SOURCE_POSITION_LOST", /begins at sequence 8, but 4 comes next: up to 4 messages are gone/);
    assert.equal((await rest("earliest")).map(({ value }) => value), numbers(3, 7));
    assert.is(world.counts.get("messagesLost"), 4);
  });

  test("fault 25, 27: a stream that lost its tail, or was deleted and made anew, fails", async (subject) => {
    const { server, world, nats, publish, addStream } = subject;
    await publish("in.a", ...numbers(5));
    const source = jetStreamSource({ nats: { servers: server.url }, stream: "IN", untilNow: true });
    const [split] = await world.done(source.splits(world.source()));
    const position = (await readSplit(world, source, split!)).at(-1)!.position as { readonly sequence: number };
    const behind = { ...position, sequence: 9, until: 12 };
    await refused(
      readSplit(world, source, split!, { position: behind }),
      "SOURCE_POSITION_LOST",
      /ends at sequence 5, but 9 was read/,
    );
    await (await nats.jetstreamManager()).streams.delete("IN");
    await addStream({ name: "IN", subjects: ["in.>"] });
    await publish("in.a", ...numbers(9));
    const going = { ...position, until: 9 };
    await refused(readSplit(world, source, split!, { position: going }), "SOURCE_POSITION_LOST", /it is another stream/);
  });

  test("fault 25: a server that comes back without what it had confirmed: the tail that was read is missed", async (subject) => {
    const { server, nats, world, publish } = subject;
    await publish("in.a", ...numbers(5));
    await server.kill();
    const [store, older] = [join(server.folder, "js"), join(server.folder, "older")];
    cpSync(store, older, { recursive: true });
    await server.start();
    while (!await nats.rtt().then(() => true, () => false)) await new Promise((resolve) => setTimeout(resolve, 10));
    await publish("in.a", ...numbers(4, 5));
    const options = { nats: { servers: server.url }, stream: "IN", untilNow: true };
    const source = jetStreamSource(options);
    const [split] = await world.done(source.splits(world.source()));
    const { position } = (await readSplit(world, source, split!))[8]!;
    await server.kill();
    rmSync(store, { recursive: true });
    cpSync(older, store, { recursive: true });
    await server.start();
    const going = { ...position as object, until: 12 };
    const lost = /ends at sequence 5, but 9 was read before: the server has lost its tail; its sequences will be given to other/;
    await refused(readSplit(world, source, split!, { position: going }), "SOURCE_POSITION_LOST", lost);
  });

  test("fault 28: what the server delivers again is taken once", async ({ nats, world, publish }) => {
    await publish("in.a", ...numbers(40));
    const twice = { deliveries: 0 };
    const source = jetStreamSource({ nats: delivering(nats, twice), stream: "IN", untilNow: true, batch: 8 });
    assert.equal(await readAll(world, source), numbers(40));
    assert.ok(twice.deliveries > 40, `${twice.deliveries} deliveries`);
  });

  test("the consumer is kept from batch to batch; one that the server drops is made again", async ({ nats, world, publish }) => {
    await publish("in.a", ...numbers(60));
    const manager = await nats.jetstreamManager();
    const consumers = async () => (await manager.consumers.list("IN").next()).map(({ name }) => name);
    const source = jetStreamSource({ nats, stream: "IN", untilNow: true, batch: 4 });
    const [split] = await world.done(source.splits(world.source()));
    const reader = await world.done(source.open(split!, undefined, world.source()));
    const values: unknown[] = [];
    const take = async (count: number) => {
      while (values.length < count) await world.poll(reader, (value) => values.push(value) > 0, 1);
    };
    await take(9);
    const [first, ...more] = await consumers();
    assert.equal(more, []);
    await take(29);
    assert.equal(await consumers(), [first]);
    await manager.consumers.delete("IN", first as string);
    await take(60);
    assert.equal(values, numbers(60));
    await world.done(reader.close());
    assert.equal(await consumers(), []);
  });

  test("a stream that is not there is said at the start", async ({ server, world }) => {
    const source = jetStreamSource({ nats: { servers: server.url }, stream: "NONE" });
    await refused(readAll(world, source), "STREAM_MISSING", /there is no stream NONE/);
  });

  test("a server that is killed and started again is read on, nothing lost or repeated", async ({ server, world, publish }) => {
    await publish("in.a", ...numbers(40));
    const source = jetStreamSource({ nats: { servers: server.url }, stream: "IN", untilNow: true, batch: 4 });
    const [split] = await world.done(source.splits(world.source()));
    const reader = await world.done(source.open(split!, undefined, world.source()));
    const values: unknown[] = [];
    while (values.length < 10) await world.poll(reader, (value) => values.push(value) > 0, 1);
    await server.kill();
    await server.start();
    while (await world.poll(reader, (value) => values.push(value) > 0, 1) !== "ended");
    await world.done(reader.close());
    assert.equal(values, numbers(40));
  });

  source.run();
}

/** A connection whose consumers get everything twice, numbered as a server numbers what it delivers again. */
function delivering(nats: NatsConnection, counted: { deliveries: number }): NatsConnection {
  const { consumers } = nats.jetstream();
  const get: typeof consumers.get = async (...args) => {
    const consumer = await consumers.get(...args);
    let delivered = 0;
    const renumbered = (message: JsMsg): JsMsg => {
      const number = ++delivered;
      counted.deliveries++;
      return new Proxy(message, {
        get(target, name) {
          if (name === "info") return { ...target.info, deliverySequence: number };
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    };
    return new Proxy(consumer, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== "fetch") return typeof value === "function" ? value.bind(target) : value;
        return async (options: Parameters<typeof consumer.fetch>[0]) => {
          const messages = await target.fetch(options);
          return {
            stop: () => messages.stop(),
            async *[Symbol.asyncIterator]() {
              for await (const message of messages) {
                yield renumbered(message);
                yield renumbered(message);
              }
            },
          };
        };
      },
    });
  };
  return new Proxy(nats, {
    get(target, name) {
      if (name === "jetstream") return () => ({ ...target.jetstream(), consumers: { get } });
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
