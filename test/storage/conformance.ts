import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32 } from "../../actors/checksum.ts";
import { SluiceError } from "../../actors/error.ts";
import type { CheckpointStorage, CheckpointStore, StoredCheckpoint } from "../../runtime/checkpoint/storage.ts";
import { manifestOf } from "./manifests.ts";

/** A storage to test, empty; `again` gives one on the same content, as a new run of the program has it. */
export interface StorageUnderTest {
  readonly storage: CheckpointStorage;
  readonly again: () => CheckpointStorage;
  readonly dispose: () => Promise<void>;
}

/** What every `CheckpointStorage` promises. Runs the suite under `name`. */
export function storageConformance(name: string, make: () => Promise<StorageUnderTest>): void {
  const conformance = suite(`storage: ${name}`);

  const test = (sentence: string, body: (under: StorageUnderTest, store: CheckpointStore) => Promise<void>): void =>
    conformance(sentence, async () => {
      const under = await make();
      const store = await under.storage.open("orders");
      try {
        await body(under, store);
      } finally {
        await store.close();
        await under.dispose();
      }
    });

  test("starts with nothing", async (_, store) => {
    assert.equal(store.record(), { attempt: 0, nextCheckpointId: 1 });
    assert.equal(await store.list(), []);
  });

  test("gives back a completed checkpoint, also to the next run", async (under, store) => {
    const slices = [bytes(10, 1), bytes(200_000, 2), new Uint8Array(0), bytes(3, 3), bytes(2_000_000, 4), bytes(5, 5)];
    const writer = store.createData(1, 1);
    let offset = 0;
    for (const slice of slices) {
      assert.equal(writer.append(slice), { offset, bytes: slice.length, checksum: crc32(slice) });
      offset += slice.length;
    }
    const file = await writer.seal();
    const whole = Uint8Array.from(slices.flatMap((slice) => [...slice]));
    assert.is(file.bytes, whole.length);
    assert.is(file.checksum, crc32(whole));
    const manifest = manifestOf(1, [file]);
    const stored = await store.complete(manifest);
    assert.is(stored.id, 1);

    const check = async (reader: CheckpointStore): Promise<void> => {
      assert.equal(await reader.list(), [stored]);
      assert.equal(await reader.manifest(stored), manifest);
      const data = await reader.readData(stored, file);
      assert.is(Buffer.compare(data, whole), 0);
      await reader.verify(stored, file);
      for (const [offset, length] of [[0, 0], [0, 1], [3, whole.length - 3], [whole.length - 2, 2]] as const) {
        const range = await reader.readRange(stored, file, offset, length);
        assert.is(Buffer.compare(range, whole.subarray(offset, offset + length)), 0);
      }
      await refuses("CHECKPOINT_DAMAGED", reader.readRange(stored, file, whole.length - 1, 2));
    };
    await check(store);
    await store.close();
    const next = await under.again().open("orders");
    await check(next);
    await next.close();
  });

  test("completes checkpoints with several data files, and with none", async (_, store) => {
    const writers = [store.createData(1, 1), store.createData(1, 1), store.createData(2, 1)];
    writers.forEach((writer, index) => writer.append(bytes(5, index)));
    const files = await Promise.all(writers.map((writer) => writer.seal()));
    assert.is(new Set(files.slice(0, 2).map((file) => file.name)).size, 2);
    const first = await store.complete(manifestOf(1, files.slice(0, 2)));
    const third = await store.complete(manifestOf(3, [], { parts: [], channels: [], mode: "aligned", final: true }));
    const second = await store.complete(manifestOf(2, files.slice(2)));
    assert.equal(await store.list(), [third, second, first]);
    assert.equal(await store.readData(first, files[1]!), bytes(5, 1));
    assert.equal(await store.readData(second, files[2]!), bytes(5, 2));
    assert.equal((await store.manifest(third)).files, []);
  });

  test("seals an empty data file", async (_, store) => {
    const file = await store.createData(1, 1).seal();
    assert.is(file.bytes, 0);
    const stored = await store.complete(manifestOf(1, [file], { parts: [], channels: [] }));
    assert.is((await store.readData(stored, file)).length, 0);
  });

  test("shows nothing of what was not completed", async (under, store) => {
    store.createData(1, 1).append(bytes(2_000_000, 1));
    await sealed(store, 2, 10);
    assert.equal(await store.list(), []);
    await store.close();
    const next = await under.again().open("orders");
    assert.equal(await next.list(), []);
    await next.close();
  });

  test("drops data before, while and after it is sealed, and never that of a completed checkpoint", async (_, store) => {
    const early = store.createData(1, 1);
    early.append(bytes(2_000_000, 1));
    await early.discard();
    early.append(bytes(2_000_000, 1));
    await refuses("CHECKPOINTS_UNUSABLE", early.seal());
    await early.discard();

    const racing = store.createData(2, 1);
    racing.append(bytes(2_000_000, 1));
    const sealing = racing.seal().catch(() => undefined);
    await racing.discard();
    await sealing;

    const { writer, file } = await sealed(store, 3, 100);
    await writer.discard();
    await refuses("CHECKPOINT_DAMAGED", store.complete(manifestOf(3, [file])));

    const kept = await sealed(store, 4, 100);
    const stored = await store.complete(manifestOf(4, [kept.file]));
    await kept.writer.discard();
    assert.is((await store.readData(stored, kept.file)).length, 100);
  });

  test("completes an id once, whatever the attempt", async (_, store) => {
    const { file } = await sealed(store, 5, 10);
    const late = store.createData(5, 1);
    late.append(bytes(2_000_000, 9));
    const stored = await store.complete(manifestOf(5, [file]));
    const message = await refuses("CHECKPOINT_EXISTS", store.complete(manifestOf(5, [file])));
    assert.match(message, /checkpoint 5/);
    await refuses("CHECKPOINT_EXISTS", store.complete(manifestOf(5, [], { attempt: 2, parts: [], channels: [] })));
    await refuses("CHECKPOINT_EXISTS", late.seal());
    await refuses("CHECKPOINT_EXISTS", store.createData(5, 2).seal());
    assert.equal(await store.list(), [stored]);
    assert.is((await store.readData(stored, file)).length, 10);
  });

  test("completes an id that is completed twice at once exactly once", async (_, store) => {
    const { file } = await sealed(store, 6, 10);
    const outcomes = await Promise.allSettled([store.complete(manifestOf(6, [file])), store.complete(manifestOf(6, [file]))]);
    assert.equal(outcomes.map((outcome) => outcome.status).sort(), ["fulfilled", "rejected"]);
    assert.is((await store.list()).length, 1);
  });

  test("does not complete what could not be restored", async (_, store) => {
    const { file } = await sealed(store, 7, 10);
    const beyond = [{
      uid: "a",
      subtask: 0,
      scope: "keyed",
      name: "x",
      at: [{ file: 0, offset: 5, bytes: 6, checksum: 0 }],
    }] as const;
    await refuses("MANIFEST_INVALID", store.complete(manifestOf(7, [file], { parts: beyond })));
    await refuses("MANIFEST_INVALID", store.complete(manifestOf(7, [file], { triggeredAt: NaN })));
    await refuses("MANIFEST_INVALID", store.complete(manifestOf(7, [{ ...file, name: "../x" }])));
    await refuses("CHECKPOINT_DAMAGED", store.complete(manifestOf(7, [{ ...file, name: "other" }])));
    assert.equal(await store.list(), []);
  });

  test("allots numbers that are never allotted again", async (under, store) => {
    await store.reserve({ attempt: 1, nextCheckpointId: 11 });
    await Promise.all([
      store.reserve({ attempt: 2, nextCheckpointId: 11 }),
      store.reserve({ attempt: 2, nextCheckpointId: 21 }),
    ]);
    assert.equal(store.record(), { attempt: 2, nextCheckpointId: 21 });
    for (const record of [{ attempt: 1, nextCheckpointId: 31 }, { attempt: 3, nextCheckpointId: 20 }]) {
      assert.match(await refuses("RESERVATION_REFUSED", store.reserve(record)), /attempt 2 and ids below 21 are in use/);
    }
    await refuses("RESERVATION_REFUSED", store.reserve({ attempt: NaN, nextCheckpointId: 31 }));
    assert.equal(store.record(), { attempt: 2, nextCheckpointId: 21 });
    await store.close();
    const next = await under.again().open("orders");
    assert.equal(next.record(), { attempt: 2, nextCheckpointId: 21 });
    await next.close();
  });

  test("removes a checkpoint, and one that is gone", async (under, store) => {
    const kept = await completed(store, 1);
    const gone = await completed(store, 2);
    const file = (await store.manifest(gone)).files[0]!;
    await store.remove(gone);
    await store.remove(gone);
    assert.equal(await store.list(), [kept]);
    await refuses("CHECKPOINT_DAMAGED", store.manifest(gone));
    await refuses("CHECKPOINT_DAMAGED", store.readData(gone, file));
    await store.close();
    const next = await under.again().open("orders");
    assert.equal(await next.list(), [kept]);
    await next.close();
  });

  test("sweeps what never completed below an id, and nothing else", async (_, store) => {
    const low = await sealed(store, 2, 10);
    const high = await sealed(store, 4, 10);
    const kept = await completed(store, 3);
    await store.sweep(4);
    await refuses("CHECKPOINT_DAMAGED", store.complete(manifestOf(2, [low.file])));
    const later = await store.complete(manifestOf(4, [high.file]));
    assert.equal(await store.list(), [later, kept]);
    assert.is((await store.readData(kept, (await store.manifest(kept)).files[0]!)).length, 50);
  });

  test("refuses to read what the checkpoint does not have", async (_, store) => {
    const stored = await completed(store, 1);
    await refuses("CHECKPOINT_DAMAGED", store.manifest({ ...stored, location: `${stored.location}0` }));
    const file = (await store.manifest(stored)).files[0]!;
    assert.match(await refuses("CHECKPOINT_DAMAGED", store.readData(stored, { ...file, name: "data-99" })), /data-99/);
    await refuses("CHECKPOINT_DAMAGED", store.readData(stored, { ...file, name: "../../secret" }));
    await refuses("CHECKPOINT_DAMAGED", store.verify(stored, { ...file, name: "data-99" }));
    await refuses("CHECKPOINT_DAMAGED", store.readRange(stored, { ...file, name: "../../secret" }, 0, 1));
  });

  test("is held by one live job, and free after it", async (under, store) => {
    const message = await refuses("CHECKPOINTS_IN_USE", under.again().open("orders"));
    assert.match(message, /this process runs job orders with it; stop that run first/);
    await refuses("CHECKPOINTS_IN_USE", under.again().open("other"));
    await store.close();
    const next = await under.again().open("orders");
    await next.close();
    await next.close();
  });

  test("belongs to one job for good", async (under, store) => {
    await completed(store, 1);
    await store.close();
    const message = await refuses("CHECKPOINTS_OF_ANOTHER_JOB", under.again().open("payments"));
    assert.match(message, /payments.*holds those of job orders; give every job a folder of its own/);
    await (await under.again().open("orders")).close();
  });

  test("data stays as long as a checkpoint names it, whoever wrote it, also over a restart", async (under, store) => {
    const first = await sealed(store, 1, 100);
    const one = await store.complete(manifestOf(1, [first.file]));
    const shared = { ...first.file, of: { id: 1, attempt: 1 } };
    const second = await sealed(store, 2, 200);
    const two = await store.complete(manifestOf(2, [second.file, shared]));
    const third = await sealed(store, 3, 300);
    const three = await store.complete(
      manifestOf(3, [third.file, { ...second.file, of: { id: 2, attempt: 1 } }, shared]),
    );
    await store.remove(one);
    await store.remove(two);
    assert.equal(await store.list(), [three]);
    await store.close();
    const next = await under.again().open("orders");
    const { files } = await next.manifest(three);
    assert.equal(await Promise.all(files.map((file) => next.readData(three, file))), [
      bytes(300, 3),
      bytes(200, 2),
      bytes(100, 1),
    ]);
    // A base that is gone is noticed before the checkpoint is complete.
    await next.remove(three);
    const fourth = await sealed(next, 4, 10);
    await refuses("CHECKPOINT_DAMAGED", next.complete(manifestOf(4, [fourth.file, shared])));
    await next.close();
  });

  test("does nothing any more once it is closed", async (_, store) => {
    const stored = await completed(store, 1);
    const writer = store.createData(2, 1);
    writer.append(bytes(10, 1));
    await store.close();
    const late: readonly Promise<unknown>[] = [
      writer.seal(),
      store.reserve({ attempt: 9, nextCheckpointId: 99 }),
      store.complete(manifestOf(2, [], { parts: [], channels: [] })),
      store.list(),
      store.manifest(stored),
      store.remove(stored),
      store.sweep(9),
    ];
    for (const step of late) await refuses(/^CHECKPOINTS_(CLOSED|UNUSABLE)$/, step);
    assert.equal(store.record(), { attempt: 0, nextCheckpointId: 1 });
  });

  conformance.run();
}

export function bytes(length: number, seed: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => index * 7 + seed);
}

export async function sealed(store: CheckpointStore, id: number, length: number, attempt: number = 1) {
  const writer = store.createData(id, attempt);
  writer.append(bytes(length, id));
  return { writer, file: await writer.seal() };
}

export async function completed(store: CheckpointStore, id: number, attempt: number = 1): Promise<StoredCheckpoint> {
  const { file } = await sealed(store, id, 50, attempt);
  return await store.complete(manifestOf(id, [file], { attempt }));
}

/** As {@link completed}, with the manifest written down while the data is made durable. */
export async function completedAhead(store: CheckpointStore, id: number, attempt: number = 1): Promise<StoredCheckpoint> {
  const { manifest, sealing } = sealingAhead(store, id, attempt);
  await sealing.catch(async (error: unknown) => {
    await store.forget?.(manifest);
    throw error;
  });
  return await store.complete(manifest);
}

/** A data file that is being sealed, and a manifest that names it and is being written down. */
export function sealingAhead(store: CheckpointStore, id: number, attempt: number = 1) {
  const writer = store.createData(id, attempt);
  writer.open?.();
  writer.append(bytes(50, id));
  const sealing = writer.seal();
  const manifest = manifestOf(id, [writer.file!], { attempt });
  store.prepare?.(manifest);
  return { writer, manifest, sealing };
}

/** Waits for the refusal and gives its message. */
export async function refuses(code: string | RegExp, work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, SluiceError, `not refused with ${code}: ${String(error)}`);
  const refusal = error as SluiceError;
  assert.ok(typeof code === "string" ? refusal.code === code : code.test(refusal.code), `${refusal.code}: ${refusal.message}`);
  return refusal.message;
}
