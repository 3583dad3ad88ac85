import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Source } from "../../runtime/graph/source.ts";
import { ConnectorWorld, readSplit, throughSnapshot } from "./connector_world.ts";

/** A source to test, in a world of its own. */
export interface SourceUnderTest {
  readonly world: ConnectorWorld;
  readonly source: Source<unknown>;
  /** All its records, in any order. There must be some, and several in one split. */
  readonly expected: readonly unknown[];
  readonly dispose?: () => Promise<void>;
}

/** What every bounded `Source` promises. Runs the suite under `name`. */
export function sourceConformance(name: string, make: () => Promise<SourceUnderTest>): void {
  const conformance = suite(`source: ${name}`);

  const test = (sentence: string, body: (subject: SourceUnderTest) => Promise<void>): void =>
    conformance(sentence, async () => {
      const subject = await make();
      try {
        await body(subject);
      } finally {
        await subject.dispose?.();
      }
    });

  test("its splits together hold every record once", async ({ world, source, expected }) => {
    const values: unknown[] = [];
    for (const split of await world.done(source.splits(world.source({ parallelism: 3 })))) {
      values.push(...(await readSplit(world, source, split, { maxRecords: 7 })).map(({ value }) => value));
    }
    assert.equal(sorted(values), sorted(expected));
    assert.ok(source.bounded);
  });

  test("its splits are the same in every attempt, and after a rescale those of the snapshot", async ({ world, source }) => {
    const first = await world.done(source.splits(world.source({ parallelism: 2 })));
    assert.equal(await world.done(source.splits(world.source({ parallelism: 2 }))), first);
    assert.is(new Set(first.map(({ id }) => id)).size, first.length);
    for (const parallelism of [1, 3]) {
      assert.equal(await world.done(source.splits(world.source({ parallelism }), first)), first);
    }
  });

  test("replay from any position gives exactly the rest", async ({ world, source }) => {
    for (const split of await world.done(source.splits(world.source({ parallelism: 2 })))) {
      const reads = await readSplit(world, source, split);
      const values = reads.map(({ value }) => value);
      const every = Math.max(1, Math.floor(reads.length / 40));
      for (let index = 0; index < reads.length; index += every) {
        const rest = await readSplit(world, source, split, { position: reads[index]!.position, maxRecords: 5 });
        assert.equal(rest.map(({ value }) => value), values.slice(index + 1), `${split.id} after record ${index}`);
      }
    }
  });

  test("a position taken before the first record replays everything", async ({ world, source }) => {
    for (const split of await world.done(source.splits(world.source()))) {
      const reader = await world.done(source.open(split, undefined, world.source()));
      const before = throughSnapshot(reader.position());
      reader.poll({ emit: () => false, emitAt: () => false }, 0);
      await world.done(reader.close());
      const values = async (position?: unknown) =>
        (await readSplit(world, source, split, { position, maxRecords: 9 })).map(({ value }) => value);
      assert.equal(await values(before), await values());
    }
  });

  test("a poll emits at most maxRecords and stops when emit says so, and loses none by it", async ({ world, source }) => {
    for (const split of await world.done(source.splits(world.source()))) {
      const all = (await readSplit(world, source, split)).map(({ value }) => value);
      const reader = await world.done(source.open(split, undefined, world.source()));
      const values: unknown[] = [];
      for (let polls = 0;; polls++) {
        const maxRecords = polls % 5;
        const stopAfter = 1 + polls % 3;
        const fresh: unknown[] = [];
        const result = await world.poll(reader, (value) => fresh.push(value) < stopAfter, maxRecords);
        assert.ok(fresh.length <= Math.min(maxRecords, stopAfter), `${fresh.length} of ${maxRecords}, stop after ${stopAfter}`);
        values.push(...fresh);
        if (result === "ended") break;
      }
      assert.equal(values, all);
      await world.done(reader.close());
    }
  });

  test("a record on which emit throws is not behind the position", async ({ world, source }) => {
    const [split] = await world.done(source.splits(world.source()));
    const all = (await readSplit(world, source, split!)).map(({ value }) => value);
    const reader = await world.done(source.open(split!, undefined, world.source()));
    let emitted = 0;
    const failing = (): boolean => {
      if (emitted === 2) throw new Error("no more");
      return ++emitted > 0;
    };
    try {
      while (await world.poll(reader, failing, 3) !== "ended");
      assert.unreachable();
    } catch (error) {
      assert.is((error as Error).message, "no more");
    }
    const position = throughSnapshot(reader.position());
    await world.done(reader.close());
    const rest = await readSplit(world, source, split!, { position });
    assert.equal(rest.map(({ value }) => value), all.slice(2));
  });

  test("at its end it stays, and so does a reader opened there", async ({ world, source }) => {
    for (const split of await world.done(source.splits(world.source()))) {
      const reader = await world.done(source.open(split, undefined, world.source()));
      while (await world.poll(reader, () => true, 10) !== "ended");
      const emit = () => assert.unreachable() as never;
      for (let again = 0; again < 3; again++) assert.is(reader.poll({ emit, emitAt: emit }, 10), "ended");
      const position = throughSnapshot(reader.position());
      await world.done(reader.close());
      assert.equal(await readSplit(world, source, split, { position }), []);
    }
  });

  test("close in the middle leaves nothing behind", async ({ world, source }) => {
    for (const split of await world.done(source.splits(world.source()))) {
      for (const polls of [0, 1, 3]) {
        const reader = await world.done(source.open(split, undefined, world.source()));
        for (let poll = 0; poll < polls; poll++) reader.poll({ emit: () => false, emitAt: () => false }, 1);
        await world.done(reader.close());
        const { wakes } = world;
        await world.clock.advance(60_000);
        assert.is(world.wakes, wakes, "woken after close");
        assert.is(world.clock.waiting, 0, "a timer is left");
      }
    }
  });

  test("a position of some other source is refused", async ({ world, source }) => {
    const [split] = await world.done(source.splits(world.source()));
    for (const position of ["12", -1, 0.5, { at: 3 }, NaN, [1]]) {
      try {
        await world.done(source.open(split!, position, world.source()));
        assert.unreachable(`took ${JSON.stringify(position)}`);
      } catch (error) {
        assert.is((error as { code?: string }).code, "SOURCE_POSITION_INVALID", String(error));
        assert.match((error as Error).message, "source in");
      }
    }
  });

  conformance.run();
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).sort();
}
