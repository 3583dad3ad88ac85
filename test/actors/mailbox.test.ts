import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { Ring } from "../../actors/ring.ts";
import type { DeadLetter } from "../../actors/dead_letter.ts";
import { World } from "../../actors/simulation/world.ts";

const mailbox = suite("mailbox");

const code = (expected: string) => (error: Error & { code?: string }) => error.code === expected;

mailbox("a ring is a queue, whatever is pushed, taken and put back", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), value: fc.nat() }),
    fc.record({ kind: fc.constant("unshift" as const), value: fc.nat() }),
    fc.record({ kind: fc.constant("takeAt" as const), value: fc.nat(20) }),
    fc.record({ kind: fc.constant("shift" as const), value: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const ring = new Ring<number>();
      const model: number[] = [];
      for (const { kind, value } of steps) {
        if (kind === "push") model.push((ring.push(value), value));
        else if (kind === "unshift") model.unshift((ring.unshift(value), value));
        else if (kind === "shift") assert.is(ring.shift(), model.shift());
        else if (model.length > 0) assert.is(ring.takeAt(value % model.length), model.splice(value % model.length, 1)[0]);
        assert.is(ring.length, model.length);
      }
      assert.equal(ring.drain(), model);
      assert.is(ring.shift(), undefined);
    }),
    { seed: 3, numRuns: 300 },
  );
});

/** An actor that reads nothing until it is opened. */
async function held(options: { capacity: number; overflow?: "fail" | "drop-newest" | "drop-oldest" }) {
  const world = new World("held");
  const letters: DeadLetter[] = [];
  const system = world.system("s", { onDeadLetter: (letter) => letters.push(letter) });
  const read: number[] = [];
  let open = () => {};
  const ref = system.spawn<number>("held", () => ({
    start: () => new Promise<void>((resolve) => open = resolve),
    receive: (n) => void read.push(n),
  }), options);
  await world.pass(10);
  return { world, system, ref, read, letters, open: () => open() };
}

mailbox("messages are read in the order in which they came", async () => {
  const { world, ref, read, open } = await held({ capacity: 1000 });
  const sent = Array.from({ length: 500 }, (_, i) => i);
  for (const n of sent) ref.tell(n);
  open();
  await world.run(() => read.length === sent.length);
  assert.equal(read, sent);
});

mailbox("a full mailbox that fails makes tell throw, and keeps what it has", async () => {
  const { world, ref, read, open } = await held({ capacity: 2 });
  ref.tell(1);
  ref.tell(2);
  assert.throws(() => ref.tell(3), code("MAILBOX_FULL"));
  open();
  await world.run(() => read.length === 2);
  ref.tell(4);
  await world.pass(10);
  assert.equal(read, [1, 2, 4]);
});

mailbox("a full mailbox that drops the newest sends it to dead letters", async () => {
  const { world, ref, read, letters, open } = await held({ capacity: 2, overflow: "drop-newest" });
  for (const n of [1, 2, 3, 4]) ref.tell(n);
  open();
  await world.pass(10);
  assert.equal(read, [1, 2]);
  assert.equal(letters.map(({ message, reason }) => [message, reason]), [[3, "full"], [4, "full"]]);
});

mailbox("a full mailbox that drops the oldest sends that to dead letters", async () => {
  const { world, ref, read, letters, open } = await held({ capacity: 2, overflow: "drop-oldest" });
  for (const n of [1, 2, 3, 4]) ref.tell(n);
  open();
  await world.pass(10);
  assert.equal(read, [3, 4]);
  assert.equal(letters.map(({ message, reason }) => [message, reason]), [[1, "full"], [2, "full"]]);
});

mailbox("what a stopping actor has not read becomes dead letters, and so does what comes later", async () => {
  const { world, system, ref, read, letters, open } = await held({ capacity: 10 });
  ref.tell(1);
  ref.tell(2);
  const stopped = system.stop(ref);
  open();
  await world.run(stopped);
  ref.tell(3);
  assert.equal(read, []);
  assert.equal(
    letters.map(({ message, reason, to }) => [message, reason, to]),
    [1, 2, 3].map((n) => [n, "stopped", String(ref)]),
  );
});

mailbox("an option out of range is refused, naming it", () => {
  const system = new World("options").system("s");
  const spawn = (options: object) => system.spawn<number>("a", () => ({ receive: () => {} }), options);
  assert.throws(() => spawn({ capacity: 0 }), /actor a: capacity is out of range: 0/);
  assert.throws(() => spawn({ overflow: "explode" }), /overflow is out of range/);
  assert.throws(() => spawn({ restart: "sometimes" }), /restart is out of range/);
  assert.throws(() => spawn({ handlerTimeoutMs: 0 }), /handlerTimeoutMs is out of range/);
  assert.throws(() => spawn({ shutdownMs: -1 }), /shutdownMs is out of range/);
  assert.throws(() => spawn({ supervision: { maxRestarts: -1 } }), /maxRestarts is out of range/);
  for (const name of ["", "a/b", "a\nb", "a\ud800", "x".repeat(256)]) {
    assert.throws(() => system.spawn<number>(name, () => ({ receive: () => {} })), code("BAD_NAME"));
  }
  spawn({});
  assert.throws(() => spawn({}), code("NAME_TAKEN"));
});

mailbox.run();
