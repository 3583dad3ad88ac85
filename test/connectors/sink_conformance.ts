import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Committable, Sink, SinkContext, SinkWriter } from "../../runtime/graph/sink.ts";
import { ConnectorWorld, throughSnapshot } from "./connector_world.ts";

/** A sink to test, in a world of its own. */
export interface SinkUnderTest {
  readonly world: ConnectorWorld;
  readonly sink: Sink<unknown>;
  /** What can be seen outside, in order within each subtask and checkpoint. */
  readonly visible: () => Promise<readonly unknown[]>;
  readonly dispose?: () => Promise<void>;
}

type Make = () => Promise<SinkUnderTest>;
type Body = (subject: SinkUnderTest, open: (overrides?: Partial<SinkContext>) => Promise<SinkWriter<unknown>>) => Promise<void>;

function tester(name: string, make: Make) {
  const conformance = suite(name);
  const test = (sentence: string, body: Body): void =>
    conformance(sentence, async () => {
      const subject = await make();
      const writers: SinkWriter<unknown>[] = [];
      try {
        await body(subject, async (overrides = {}) => {
          const writer = await subject.world.done(subject.sink.open(subject.world.sink(overrides)));
          writers.push(writer);
          return writer;
        });
        for (const writer of writers) await subject.world.done(writer.close());
        await subject.world.clock.advance(60_000);
        assert.is(subject.world.clock.waiting, 0, "a timer is left");
      } finally {
        await subject.dispose?.();
      }
    });
  return { test, run: () => conformance.run() };
}

/** What every plain `Sink` promises. Runs the suite under `name`. */
export function plainSinkConformance(name: string, make: Make): void {
  const { test, run } = tester(`plain sink: ${name}`, make);

  test("after a flush, and after close, everything written is visible in order", async ({ world, sink, visible }, open) => {
    assert.is(sink.delivery, "at-least-once");
    const writer = await open();
    for (let n = 0; n < 10; n++) await world.done(writer.write({ n }));
    await world.done(writer.flush?.());
    const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
    assert.equal(await visible(), numbers(10));
    for (let n = 10; n < 3_000; n++) await world.done(writer.write({ n }));
    await world.done(writer.close());
    assert.equal(await visible(), numbers(3_000));
  });

  test("an attempt after another goes on writing", async ({ world, visible }, open) => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const writer = await open({ attempt });
      await world.done(writer.write({ attempt }));
      await world.done(writer.close());
    }
    assert.equal(await visible(), [{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }]);
  });

  run();
}

/** What every transactional `Sink` promises. Runs the suite under `name`. */
export function transactionalSinkConformance(name: string, make: Make): void {
  const { test, run } = tester(`transactional sink: ${name}`, make);

  const write = async (world: ConnectorWorld, writer: SinkWriter<unknown>, ...values: unknown[]): Promise<void> => {
    for (const value of values) await world.done(writer.write(value));
  };
  const prepare = async (
    world: ConnectorWorld,
    writer: SinkWriter<unknown>,
    checkpointId: number,
    subtask = 0,
  ): Promise<Committable[]> => {
    const content = await world.done(writer.prepare!(checkpointId));
    return content === undefined ? [] : [throughSnapshot({ checkpointId, subtask, content })];
  };

  test("nothing is visible before commit, and all of it after", async ({ world, sink, visible }, open) => {
    assert.is(sink.delivery, "transactional");
    const writer = await open();
    await write(world, writer, "a", { b: 1 });
    assert.equal(await visible(), []);
    const committables = await prepare(world, writer, 1);
    assert.is(committables.length, 1);
    assert.equal(await visible(), []);
    await world.done(writer.commit!(committables));
    assert.equal(await visible(), ["a", { b: 1 }]);
  });

  test("what is written after prepare belongs to the next checkpoint, also while prepare goes on", async (subject, open) => {
    const { world, visible } = subject;
    const writer = await open();
    await write(world, writer, 1);
    const preparing = writer.prepare!(1);
    await write(world, writer, 2);
    const first = [throughSnapshot({ checkpointId: 1, subtask: 0, content: await world.done(preparing) })];
    await world.done(writer.commit!(first));
    assert.equal(await visible(), [1]);
    await world.done(writer.commit!(await prepare(world, writer, 2)));
    assert.equal(await visible(), [1, 2]);
  });

  test("two checkpoints can be prepared at once, and committed in one go", async ({ world, visible }, open) => {
    const writer = await open();
    await write(world, writer, 1);
    const one = writer.prepare!(1);
    await write(world, writer, 2);
    const two = writer.prepare!(2);
    const contents = [await world.done(one), await world.done(two)];
    const committables = contents.map((content, index) => ({ checkpointId: index + 1, subtask: 0, content }));
    await world.done(writer.commit!(throughSnapshot(committables)));
    assert.equal(await visible(), [1, 2]);
  });

  test("a checkpoint in which nothing was written has nothing to commit", async ({ world, visible }, open) => {
    const writer = await open();
    assert.equal(await prepare(world, writer, 1), []);
    await write(world, writer, 1);
    assert.is((await prepare(world, writer, 2)).length, 1);
    assert.equal(await prepare(world, writer, 3), []);
    assert.equal(await visible(), []);
  });

  test("a commit that is repeated, by the same attempt or a later one, is seen once", async ({ world, visible }, open) => {
    const writer = await open();
    await write(world, writer, 1, 2);
    const committables = await prepare(world, writer, 1);
    for (let again = 0; again < 2; again++) await world.done(writer.commit!(committables));
    await world.done(writer.close());
    const next = await open({ attempt: 2, restoredFrom: 1 });
    await world.done(next.commit!(committables));
    assert.equal(await visible(), [1, 2]);
  });

  test("what was prepared outlives its attempt, and what was not is gone", async ({ world, visible }, open) => {
    const writer = await open();
    await write(world, writer, "prepared");
    const committables = await prepare(world, writer, 1);
    await write(world, writer, "open");
    await world.done(writer.close());
    const next = await open({ attempt: 2, restoredFrom: 1 });
    await write(world, next, "again");
    await world.done(next.commit!(committables));
    assert.equal(await visible(), ["prepared"]);
    await world.done(next.commit!(await prepare(world, next, 2)));
    assert.equal(await visible(), ["prepared", "again"]);
  });

  test("any subtask commits what others have prepared, as after a rescale", async ({ world, visible }, open) => {
    const committables: Committable[] = [];
    for (const subtask of [0, 1, 2]) {
      const writer = await open({ subtask, parallelism: 3 });
      await write(world, writer, subtask);
      committables.push(...await prepare(world, writer, 4, subtask));
      await world.done(writer.close());
    }
    const writer = await open({ attempt: 2, restoredFrom: 4 });
    await write(world, writer, "new");
    await world.done(writer.commit!(committables.slice(0, 2)));
    await world.done(writer.commit!(committables));
    assert.equal([...await visible()].sort(), [0, 1, 2]);
    await world.done(writer.commit!(await prepare(world, writer, 5)));
    assert.equal([...await visible()].sort(), [0, 1, 2, "new"]);
  });

  test(
    "lastCommitted tells the newest visible checkpoint; a sink that can rollbackTo takes back the newer",
    async (subject, open) => {
      const { world, sink, visible } = subject;
      const last = () => world.done(sink.lastCommitted!(world.sink({ attempt: 2 })));
      assert.is(await last(), 0);
      const writer = await open();
      for (const id of [3, 5, 12]) {
        await write(world, writer, id);
        const committables = await prepare(world, writer, id);
        assert.is.not(await last(), id);
        await world.done(writer.commit!(committables));
        assert.is(await last(), id);
      }
      await world.done(writer.close());
      assert.equal(await visible(), [3, 5, 12]);
      if (sink.rollbackTo === undefined) return;
      await world.done(sink.rollbackTo(12, world.sink()));
      assert.equal(await visible(), [3, 5, 12]);
      await world.done(sink.rollbackTo(4, world.sink()));
      assert.equal(await visible(), [3]);
      assert.is(await last(), 3);
      const next = await open({ attempt: 2, restoredFrom: 4 });
      await write(world, next, "again");
      await world.done(next.commit!(await prepare(world, next, 13)));
      assert.equal(await visible(), [3, "again"]);
    },
  );

  test("many records, in several checkpoints, keep their order", async ({ world, visible }, open) => {
    const writer = await open();
    const text = "ü".repeat(400);
    for (let n = 0; n < 3_000; n++) {
      await write(world, writer, { n, text });
      if (n % 1_000 === 999) await world.done(writer.commit!(await prepare(world, writer, n)));
    }
    const seen = await visible();
    assert.is(seen.length, 3_000);
    assert.ok(seen.every((value, n) => (value as { n: number }).n === n && (value as { text: string }).text === text));
  });

  run();
}
