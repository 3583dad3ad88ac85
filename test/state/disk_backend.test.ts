import { seeds } from "../seeds.ts";
import { skip } from "../skip.ts";
import { testKeyedStateBackend } from "./backend_conformance.ts";
import { lmdbMissing, scratchFolder, StoreSequence } from "./disk_stores.ts";
import { testEvolution } from "./evolution_conformance.ts";
import { testExpiry } from "./expiry_conformance.ts";
import { testIncremental } from "./incremental_conformance.ts";
import { DiskKeyedStateBackend } from "../../runtime/state/disk_backend.ts";

const missing = await lmdbMissing();
if (missing !== undefined) {
  skip(missing);
} else {
  const stores = await StoreSequence.in(scratchFolder());
  testKeyedStateBackend("the disk", (options) => new DiskKeyedStateBackend(options, stores.next()));
  testEvolution("the disk", (options) => new DiskKeyedStateBackend(options, stores.next()));
  testExpiry("the disk", (options) => new DiskKeyedStateBackend(options, stores.next()));
  // Nearly nothing is at hand, so that every entry comes and goes.
  const limits = { changed: 2, entries: 3, bytes: 200 };
  testKeyedStateBackend("the disk with little memory", (options) => new DiskKeyedStateBackend(options, stores.next(), limits));
  testExpiry("the disk with little memory", (options) => new DiskKeyedStateBackend(options, stores.next(), limits));
  testIncremental(
    "the disk with little memory",
    (options) => new DiskKeyedStateBackend(options, stores.next(), limits),
    seeds(40, 15).length,
  );
}
