import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { KeyValue, KeyValueChange } from "../../actors/key_value.ts";

/** A store under test. */
export interface KeyValueWorld {
  connect(): KeyValue | Promise<KeyValue>;
  /** Lets everything under way arrive; gives what the work gives. */
  done<T>(work: Promise<T>): Promise<T>;
  end?(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value === undefined ? undefined : new TextDecoder().decode(value);

/** What every {@link KeyValue} promises. */
export function keyValueConformance(name: string, create: () => KeyValueWorld | Promise<KeyValueWorld>): void {
  const conformance = suite(`key-value store: ${name}`);
  const test = (title: string, run: (world: KeyValueWorld) => Promise<void>) =>
    conformance(title, async () => {
      const world = await create();
      try {
        await run(world);
      } finally {
        await world.end?.();
      }
    });

  test("a value is written once from nothing, and then only from its last revision", async ({ connect, done }) => {
    const a = await connect();
    const b = await connect();
    assert.is(await done(a.get("x.y")), undefined);
    const first = await done(a.put("x.y", bytes("1"), 0)) as number;
    assert.ok(first > 0);
    assert.is(await done(b.put("x.y", bytes("2"), 0)), undefined);
    const second = await done(b.put("x.y", bytes("2"), first)) as number;
    assert.ok(second > first);
    assert.is(await done(a.put("x.y", bytes("3"), first)), undefined);
    const entry = await done(a.get("x.y"));
    assert.is(text(entry?.value), "2");
    assert.is(entry?.revision, second);
  });

  test("of several that write at once one wins", async ({ connect, done }) => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => connect()));
    for (let round = 0, last = 0; round < 5; round++) {
      const outcomes = await done(Promise.all(stores.map((store, n) => store.put("lease", bytes(`${round}.${n}`), last))));
      const winners = outcomes.filter((revision) => revision !== undefined);
      assert.is(winners.length, 1);
      last = winners[0] as number;
      assert.is((await done((stores[0] as KeyValue).get("lease")))?.revision, last);
    }
  });

  test("a deleted value is gone, may be written from nothing again, and revisions go on growing", async ({ connect, done }) => {
    const a = await connect();
    const first = await done(a.put("k", bytes("1"), 0)) as number;
    const second = await done(a.put("k", bytes("2"), first)) as number;
    assert.is(await done(a.delete("k", first)), false);
    assert.is(await done(a.delete("k", second)), true);
    assert.is(await done(a.get("k")), undefined);
    assert.equal(await done(a.keys("")), []);
    const third = await done(a.put("k", bytes("3"), 0)) as number;
    assert.ok(third > second);
  });

  test("keys are found by whole tokens", async ({ connect, done }) => {
    const a = await connect();
    for (const key of ["jobs.b", "jobs.a.x", "jobsy", "jobs"]) await done(a.put(key, bytes(key), 0));
    assert.equal(await done(a.keys("jobs")), ["jobs", "jobs.a.x", "jobs.b"]);
    assert.equal(await done(a.keys("")), ["jobs", "jobs.a.x", "jobs.b", "jobsy"]);
    assert.equal(await done(a.keys("jobs.a")), ["jobs.a.x"]);
  });

  test("a watch tells what is there, then what changes, until it ends", async ({ connect, done }) => {
    const a = await connect();
    const b = await connect();
    const first = await done(a.put("w.a", bytes("1"), 0)) as number;
    await done(a.put("other", bytes("1"), 0));
    const seen: string[] = [];
    const say = (change: KeyValueChange) =>
      seen.push(change.kind === "put" ? `${change.entry.key}=${text(change.entry.value)}` : `-${change.key}`);
    const watch = await done(b.watch("w", say));
    const until = async (count: number) => {
      for (let turns = 0; seen.length < count && turns < 1_000; turns++) await done(a.get("w.a"));
    };
    await until(1);
    await done(a.put("w.a", bytes("2"), first));
    await until(2);
    const made = await done(a.put("w.b", bytes("1"), 0)) as number;
    await until(3);
    await done(a.delete("w.b", made));
    await until(4);
    assert.equal(seen, ["w.a=1", "w.a=2", "w.b=1", "-w.b"]);
    watch.unsubscribe();
    await done(a.put("w.c", bytes("1"), 0));
    for (let turns = 0; turns < 5; turns++) await done(a.get("w.c"));
    assert.is(seen.length, 4);
  });

  test("a key that is none is refused", async ({ connect, done }) => {
    const a = await connect();
    for (const key of ["a b", "a..b", "a.*", ">"]) {
      const error = await done(Promise.resolve().then(() => a.get(key)).then(() => undefined, (error: unknown) => error));
      assert.is((error as { code?: string }).code, "BAD_SUBJECT", key);
    }
  });

  conformance.run();
}
