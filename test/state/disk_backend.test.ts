import { seeds } from "../seeds.ts";
import { skip } from "../skip.ts";
import { testKeyedStateBackend } from "./backend_conformance.ts";
import { scratchFolder, StoreSequence, usableEngines } from "./disk_stores.ts";
import { testEvolution } from "./evolution_conformance.ts";
import { testExpiry } from "./expiry_conformance.ts";
import { testIncremental } from "./incremental_conformance.ts";
import { testKeyGroups } from "./key_groups_conformance.ts";
import { testManyKeys } from "./many_keys_conformance.ts";
import { testOrderedStore } from "./ordered_store_conformance.ts";
import { DiskKeyedStateBackend } from "../../runtime/state/disk_backend.ts";

const { usable, missing } = await usableEngines();
for (const reason of missing) skip(reason);
for (const engine of usable) {
  const stores = await StoreSequence.in(scratchFolder(), engine);
  // Nearly nothing is at hand, so that every entry comes and goes.
  const limits = { changed: 2, loaded: 2, entries: 3, bytes: 200 };
  testOrderedStore(engine, () => stores.next());
  testKeyedStateBackend(`the disk, with ${engine},`, (options) => new DiskKeyedStateBackend(options, stores.next(), limits));
  testExpiry(`the disk, with ${engine},`, (options) => new DiskKeyedStateBackend(options, stores.next(), limits));
  testIncremental(
    `the disk, with ${engine},`,
    (options) => new DiskKeyedStateBackend(options, stores.next(), limits),
    seeds(40, 15).length,
  );
  if (engine !== usable[0]) continue;
  testKeyedStateBackend("the disk with room", (options) => new DiskKeyedStateBackend(options, stores.next()));
  testEvolution("the disk with room", (options) => new DiskKeyedStateBackend(options, stores.next()));
  testExpiry("the disk with room", (options) => new DiskKeyedStateBackend(options, stores.next()));
  testManyKeys("the disk with room", (options) => new DiskKeyedStateBackend(options, stores.next()));
  testKeyGroups("the disk with room", (options) => new DiskKeyedStateBackend(options, stores.next()));
}
