import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { messageOf } from "../../actors/error.ts";
import type { OrderedStore, OrderedStores } from "../../runtime/graph/ordered_store.ts";
import { lmdbStores } from "../../runtime/lmdb/mod.ts";
import { loadLmdb } from "../../runtime/lmdb/module.ts";

/** Why lmdb cannot be used here; undefined where it can. */
export async function lmdbMissing(): Promise<string | undefined> {
  return await loadLmdb().then(() => undefined, messageOf);
}

/** A folder that goes when the process ends. */
export function scratchFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-disk-state-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Stores one after the other, under names of their own. */
export class StoreSequence {
  readonly #stores: OrderedStores;
  #made = 0;

  private constructor(stores: OrderedStores) {
    this.#stores = stores;
  }

  static async in(directory: string): Promise<StoreSequence> {
    return new StoreSequence(await lmdbStores(directory, "test"));
  }

  next(): OrderedStore {
    return this.#stores.open(1, `store-${++this.#made}`);
  }
}
