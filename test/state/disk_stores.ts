import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { messageOf } from "../../actors/error.ts";
import type { OrderedStore, OrderedStores } from "../../runtime/graph/ordered_store.ts";
import { engines, scratchStores } from "../../runtime/scratch/stores.ts";

/** What stores can be made on here, by name; and why not on the others. */
export async function usableEngines(): Promise<{ readonly usable: readonly Engine[]; readonly missing: readonly string[] }> {
  const usable: Engine[] = [];
  const missing: string[] = [];
  for (const name of ["sqlite", "lmdb"] as const) {
    await engines[name]().then(() => usable.push(name), (error: unknown) => missing.push(`${name}: ${messageOf(error)}`));
  }
  return { usable, missing };
}

/** The name of what stores are made on. */
export type Engine = keyof typeof engines;

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

  /** @param engine undefined: the one that jobs use here */
  static async in(directory: string, engine?: Engine): Promise<StoreSequence> {
    return new StoreSequence(await scratchStores(directory, "test", engine === undefined ? undefined : engines[engine]));
  }

  next(): OrderedStore {
    return this.#stores.open(1, `store-${++this.#made}`);
  }
}
