import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Transport } from "../../actors/transport.ts";

/** A transport under test: at most 100 bytes a message. */
export interface TransportWorld {
  connect(): Transport | Promise<Transport>;
  /** Lets everything under way arrive, and `ms` of the transports' time go by. */
  pass(ms: number): Promise<void>;
  /** Ends what was made for the test. */
  end?(): Promise<void>;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);
const code = (expected: string) => (error: Error & { code?: string }) => error.code === expected;

/** What every transport must do, run on one of them. */
export function transportConformance(name: string, create: () => TransportWorld | Promise<TransportWorld>): void {
  const conformance = suite(`transport: ${name}`);
  const test = (title: string, run: (world: TransportWorld) => Promise<void>) =>
    conformance(title, async () => {
      const world = await create();
      try {
        await run(world);
      } finally {
        await world.end?.();
      }
    });

  test("what one publishes arrives at every subscriber in order, the publisher included", async ({ connect, pass }) => {
    const a = await connect();
    const b = await connect();
    const c = await connect();
    const seen: Record<string, string[]> = { a: [], b: [], c: [] };
    a.subscribe("x.y", ({ bytes }) => seen["a"]!.push(text(bytes)));
    b.subscribe("x.y", ({ bytes }) => seen["b"]!.push(text(bytes)));
    c.subscribe("x.z", ({ bytes }) => seen["c"]!.push(text(bytes)));
    await pass(50);
    const sent = Array.from({ length: 50 }, (_, i) => String(i));
    for (const content of sent) a.publish("x.y", bytes(content));
    assert.equal(seen["a"], [], "never at once");
    await pass(500);
    assert.equal(seen, { a: sent, b: sent, c: [] });
  });

  test("after flush subscriptions are in effect and what was published has arrived", async ({ connect, pass }) => {
    const [a, b] = [await connect(), await connect()];
    const seen: string[] = [];
    b.subscribe("s", ({ bytes }) => seen.push(text(bytes)));
    let flushed = false;
    const done = b.flush()
      .then(() => a.publish("s", bytes("hello")))
      .then(() => a.flush())
      .then(() => flushed = true);
    await pass(500);
    await done;
    assert.ok(flushed);
    assert.equal(seen, ["hello"]);
  });

  test("an ended subscription is not called again, not even for what is under way", async ({ connect, pass }) => {
    const a = await connect();
    const seen: string[] = [];
    const subscription = a.subscribe("s", ({ bytes }) => seen.push(text(bytes)));
    await pass(50);
    a.publish("s", bytes("1"));
    await pass(50);
    a.publish("s", bytes("2"));
    subscription.unsubscribe();
    subscription.unsubscribe();
    await pass(50);
    assert.equal(seen, ["1"]);
  });

  test("a request gets one answer, sent to its replyTo", async ({ connect, pass }) => {
    const [a, b] = [await connect(), await connect()];
    b.subscribe("double", (question) => {
      b.publish(question.replyTo!, bytes(text(question.bytes).repeat(2)));
      b.publish(question.replyTo!, bytes("again"));
    });
    await pass(50);
    const answers = Promise.all([a.request("double", bytes("x"), 1000), a.request("double", bytes("y"), 1000)]);
    await pass(100);
    assert.equal((await answers).map(text), ["xx", "yy"]);
  });

  test("a request without an answer rejects after its timeout", async ({ connect, pass }) => {
    let failed: unknown;
    (await connect()).request("nobody", bytes("x"), 100).catch((error: unknown) => failed = error);
    await pass(99);
    assert.is(failed, undefined);
    await pass(2);
    assert.match(String(failed), /no answer on nobody within 100 ms/);
  });

  test("too large a message, a bad subject and a closed transport are refused", async ({ connect, pass }) => {
    const a = await connect();
    const seen: string[] = [];
    a.subscribe("s", ({ bytes }) => seen.push(text(bytes)));
    await pass(50);
    assert.throws(() => a.publish("s", new Uint8Array(101)), code("PAYLOAD_TOO_LARGE"));
    a.publish("s", new Uint8Array(100));
    for (const subject of ["", "a..b", "a.*", "a b", ">"]) {
      assert.throws(() => a.publish(subject, bytes("")), code("BAD_SUBJECT"));
      assert.throws(() => a.subscribe(subject, () => {}), code("BAD_SUBJECT"));
    }
    await a.close();
    await a.close();
    assert.throws(() => a.publish("s", bytes("")), code("TRANSPORT_CLOSED"));
    assert.throws(() => a.subscribe("s", () => {}), code("TRANSPORT_CLOSED"));
    await pass(50);
    assert.equal(seen, [], "what was under way to a closed transport is gone");
  });

  conformance.run();
}
