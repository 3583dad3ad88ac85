import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../../actors/clock.ts";
import { CheckpointFiles, type WriteOutcome } from "../../runtime/checkpoint/checkpoint_files.ts";
import type { Contribution } from "../../runtime/checkpoint/contribution.ts";
import { concatenated } from "../../runtime/checkpoint/data_file.ts";
import { layered } from "../../runtime/checkpoint/layers.ts";
import type { Extent, Manifest } from "../../runtime/checkpoint/manifest.ts";
import { memoryStorage } from "../../runtime/checkpoint/memory_storage.ts";
import type { CheckpointStore, StoredCheckpoint } from "../../runtime/checkpoint/storage.ts";
import { keyGroupOf, rangeOf } from "../../runtime/graph/key.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { type, value } from "../../runtime/state/descriptor.ts";
import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { Invocation } from "../../runtime/state/invocation.ts";
import { manifestOf } from "../storage/manifests.ts";

const scenario = suite("scenario 9: a snapshot is written while its state changes");

const keyGroupCount = 8;
const keyCount = 20_000;
/** Makes the state so large that a write takes many steps. */
const long = "long".repeat(60);
const descriptors = { it: value(type<{ n: number; tags: string[] }>(), { n: -1, tags: [] }) };

/** Keyed state whose snapshots are written by the writer that a run has, one step whenever the test says so. */
class Bench {
  readonly backend = newBackend(0, 1);
  readonly files: CheckpointFiles;
  readonly outcomes = new Map<number, WriteOutcome>();
  readonly store: CheckpointStore;
  readonly manifests = new Map<number, Manifest>();
  readonly stored = new Map<number, StoredCheckpoint>();
  readonly #invocation = new Invocation("op");
  readonly #state = this.backend.bind<typeof descriptors>(this.#invocation);
  #steps: (() => void)[] = [];

  constructor(store: CheckpointStore) {
    this.store = store;
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      setTimer: () => ({ cancel() {} }),
      yield: (resume) => this.#steps.push(resume),
    };
    this.files = new CheckpointFiles(store, {
      attempt: 1,
      subtasks: 1,
      clock,
      done: (id, outcome) => this.outcomes.set(id, outcome),
    });
  }

  at(key: number) {
    this.#invocation.about(key, key).begin(keyGroupOf(key, keyGroupCount), 0);
    return this.#state.it;
  }

  /** Takes the snapshot of checkpoint `id`: from here on it is fixed. Gives the number of the checkpoint it builds on. */
  take(id: number): number | undefined {
    const part = this.backend.snapshot({}, id);
    const timing = { startDelayMs: 0, alignmentMs: 0, delayedRecords: 0, syncMs: 0 };
    const contribution: Contribution = {
      checkpoint: id,
      task: 0,
      subtask: 0,
      finished: false,
      quiet: false,
      flushed: false,
      parts: [{ uid: "op", part }],
      inputs: [],
      outputs: [],
      timing,
      triggeredAt: 0,
      startedAt: 0,
    };
    this.files.add(contribution);
    return part.base;
  }

  /** One step of the writer; false when it has nothing to do. */
  step(): boolean {
    const steps = this.#steps;
    this.#steps = [];
    for (const resume of steps) resume();
    return steps.length > 0;
  }

  /** Lets the writer come to its end and completes the checkpoint; gives how many bytes it wrote. */
  async complete(id: number): Promise<number> {
    while (this.step());
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    const outcome = this.outcomes.get(id);
    assert.is(outcome?.kind, "durable", `checkpoint ${id}: ${JSON.stringify(outcome)}`);
    if (outcome?.kind !== "durable") return NaN;
    const parts = outcome.acknowledgements.flatMap((ack) => ack.parts);
    const content = layered([outcome.file], parts, (base) => this.manifests.get(base));
    const manifest = manifestOf(id, [], { ...content, channels: [] });
    this.stored.set(id, await this.store.complete(manifest));
    this.manifests.set(id, manifest);
    this.backend.completed(id);
    return outcome.file.bytes;
  }

  /** What a restore of that checkpoint into `parallelism` subtasks holds, by key. */
  async restored(id: number, parallelism: number): Promise<Map<number, unknown>> {
    const manifest = this.manifests.get(id)!;
    const files = await Promise.all(manifest.files.map((file) => this.store.readData(this.stored.get(id)!, file)));
    const join = (layer: readonly Extent[]) =>
      concatenated(layer.map(({ file, offset, bytes }) => files[file]!.subarray(offset, offset + bytes)));
    const parts = manifest.parts.map(({ scope, name, subtask, at, below }): RestoredPart => {
      return { scope, name, subtask, bytes: join(at), below: below?.map(join) };
    });
    const held = new Map<number, unknown>();
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const backend = newBackend(subtask, parallelism);
      backend.restore(parts);
      const range = rangeOf(subtask, parallelism, keyGroupCount);
      const invocation = new Invocation("op");
      const { it } = backend.bind<typeof descriptors>(invocation);
      for (let key = 0; key < keyCount + 100; key++) {
        const group = keyGroupOf(key, keyGroupCount);
        if (group < range.first || group > range.last) continue;
        invocation.about(key, key).begin(group, 0);
        const found = it.get();
        if (found.n !== -1) held.set(key, structuredClone(found));
      }
    }
    return held;
  }
}

function newBackend(subtask: number, parallelism: number): HeapKeyedStateBackend {
  const range = rangeOf(subtask, parallelism, keyGroupCount);
  const backend = new HeapKeyedStateBackend({ uid: "op", range, keyGroupCount, baseEvery: 10 });
  backend.declare(descriptors);
  return backend;
}

scenario("in-place mutation, insert and delete during the write; an abort, then a delta", async () => {
  const bench = new Bench(await memoryStorage().open("job"));
  const model = new Map<number, { n: number; tags: string[] }>();
  const set = (key: number) => {
    model.set(key, { n: key, tags: [long] });
    bench.at(key).set({ n: key, tags: [long] });
  };
  for (let key = 0; key < keyCount; key++) set(key);

  // 1: while it is written, every kind of change comes before and behind where the writer is.
  assert.is(bench.take(1), undefined);
  const atOne = structuredClone(model);
  let steps = 0;
  for (; bench.step(); steps++) {
    for (let key = steps; key < keyCount; key += 97) {
      bench.at(key).mutate((it) => it.tags.push(`step ${steps}`));
      model.get(key)?.tags.push(`step ${steps}`);
      if (!model.has(key)) model.set(key, { n: -1, tags: [`step ${steps}`] });
    }
    // A value that was handed out and changed against the rules does not show in the snapshot either. (That a later delta has
    // it takes a change by the rules.)
    (bench.at(keyCount - 1 - steps).get().tags as string[]).push("illegal");
    bench.at(keyCount - 1 - steps).mutate(() => {});
    model.get(keyCount - 1 - steps)?.tags.push("illegal");
    bench.at(steps).clear();
    model.delete(steps);
    set(keyCount + steps);
  }
  assert.ok(steps > 5, `${steps} steps are too few to come between`);
  const whole = await bench.complete(1);
  assert.equal(await bench.restored(1, 1), atOne);

  // 2 is aborted half-way: what it would have held goes with the next delta.
  for (let key = 1_000; key < 1_100; key++) {
    bench.at(key).mutate((it) => it.n = 7);
    model.get(key)!.n = 7;
  }
  assert.is(bench.take(2), 1);
  bench.at(1_050).clear();
  model.delete(1_050);
  bench.files.abort(2);

  // 3: a delta over 1, with what came before and after the aborted one.
  bench.at(1_060).clear();
  model.delete(1_060);
  bench.at(1_060).set({ n: 8, tags: ["again"] });
  model.set(1_060, { n: 8, tags: ["again"] });
  assert.is(bench.take(3), 1);
  const atThree = structuredClone(model);
  for (const key of [1_001, 1_060, 15_000]) {
    bench.at(key).clear();
    model.delete(key);
  }
  const delta = await bench.complete(3);
  assert.ok(delta < whole, `${delta} of ${whole} bytes`);
  for (const parallelism of [1, 3]) {
    const held = await bench.restored(3, parallelism);
    for (const [key, expected] of atThree) if (expected.n !== -1) assert.equal(held.get(key), expected, `key ${key}`);
    assert.is(held.size, [...atThree.values()].filter(({ n }) => n !== -1).length);
  }

  // 4 builds on 3, and 1 can go: its data stays.
  await bench.store.remove(bench.stored.get(1)!);
  assert.is(bench.take(4), 3);
  await bench.complete(4);
  assert.is((await bench.restored(4, 2)).has(1_001), false);
  await bench.store.close();
});

scenario("a value that cannot be encoded fails its snapshot and not the record that touches it", async () => {
  const bench = new Bench(await memoryStorage().open("job"));
  for (let key = 0; key < keyCount; key++) bench.at(key).set({ n: key, tags: [] });
  const last = [...Array(keyCount).keys()].filter((key) => keyGroupOf(key, keyGroupCount) === keyGroupCount - 1).at(-1)!;
  bench.at(last).set({ n: 1, tags: [(() => 1) as unknown as string] });
  bench.take(1);
  bench.at(last).set({ n: 2, tags: [] });
  while (bench.step());
  const outcome = bench.outcomes.get(1);
  assert.is(outcome?.kind, "failed");
  assert.match(String(outcome?.kind === "failed" ? outcome.cause : ""), /operator op, key \d+, state it\.tags\[0\]/);
  bench.take(2);
  await bench.complete(2);
  assert.equal((await bench.restored(2, 1)).get(last), { n: 2, tags: [] });
  await bench.store.close();
});

scenario.run();
