import { suite } from "uvu";
import * as assert from "uvu/assert";
import { memoryStorage } from "../../runtime/checkpoint/memory_storage.ts";
import { storageConformance } from "./conformance.ts";
import { manifestOf } from "./manifests.ts";

storageConformance("memory", () => {
  const storage = memoryStorage();
  return Promise.resolve({ storage, again: () => storage, dispose: () => Promise.resolve() });
});

const memory = suite("memory storage");

memory("keeps what was appended without copying it", async () => {
  const store = await memoryStorage().open("orders");
  const writer = store.createData(1, 1);
  const slice = new Uint8Array(1_000_000);
  writer.append(slice);
  const file = await writer.seal();
  const stored = await store.complete(manifestOf(1, [file]));
  assert.is(await store.readData(stored, file), slice);
  assert.is(stored.location, "memory:1");
});

memory("keeps two storages apart", async () => {
  const first = await memoryStorage().open("orders");
  const second = await memoryStorage().open("orders");
  await first.reserve({ attempt: 4, nextCheckpointId: 5 });
  assert.equal(second.record(), { attempt: 0, nextCheckpointId: 1 });
});

memory.run();
