import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { OrderedStore, OrderedStores } from "../graph/ordered_store.ts";
import { failing } from "./failing.ts";
import { loadLmdb } from "./lmdb_module.ts";
import { LmdbStore } from "./lmdb_store.ts";
import { loadSqlite } from "./sqlite_module.ts";
import { SqliteStore } from "./sqlite_store.ts";

/** Makes an empty store in a folder of its own, which goes when it is closed. */
export type OpenStore = (folder: string) => OrderedStore;

/**
 * What stores are made on: the SQLite of the runtime, where it has one, as Node from 22.13 on, Deno and Bun do; else lmdb, a
 * package. SQLite comes first because nothing has to be installed, its memory is bounded, and space that changes free is used
 * again at once.
 */
export const engines: Readonly<Record<"sqlite" | "lmdb", () => Promise<OpenStore>>> = {
  async sqlite() {
    const Connection = await loadSqlite();
    return (folder) => new SqliteStore(Connection, folder);
  },
  async lmdb() {
    const open = await loadLmdb();
    return (folder) => new LmdbStore(open, folder);
  },
};

/**
 * Stores in a folder of this machine's disk. The folder is scratch: what is in it for the job goes with the first store that is
 * opened here, and again when another attempt begins; a store goes when it is closed. One live job of a name may use it.
 *
 * @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` where there is nothing to make stores on
 */
export async function scratchStores(
  directory: string,
  job: string,
  engine: () => Promise<OpenStore> = anyEngine,
): Promise<OrderedStores> {
  const open = await engine();
  const root = `${directory}/${fileName(job)}`;
  let begun = false;
  return {
    open(attempt, name) {
      const folder = `${root}/${attempt}`;
      return failing(`open ${folder}`, () => {
        // A process that was killed may have left stores of the same attempt, by other names.
        if (!begun) rmSync(root, { recursive: true, force: true });
        begun = true;
        mkdirSync(folder, { recursive: true });
        for (const other of readdirSync(root)) {
          if (other !== String(attempt)) rmSync(`${root}/${other}`, { recursive: true, force: true });
        }
        const own = `${folder}/${fileName(name)}`;
        rmSync(own, { recursive: true, force: true });
        return open(own);
      });
    },
  };
}

/** @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` */
export async function anyEngine({ sqlite, lmdb }: typeof engines = engines): Promise<OpenStore> {
  const reasons: string[] = [];
  for (const engine of [sqlite, lmdb]) {
    try {
      return await engine();
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new SluiceError(
    "STATE_BACKEND_UNAVAILABLE",
    `the state backend "disk" has nothing to keep state on here: ${reasons.join("; ")}; use Node 22.13 or newer, Deno or Bun, ` +
      `which have SQLite, or install lmdb (npm install lmdb), or keep state on the heap (state: { backend: "heap" })`,
  );
}

/** Whatever the name, a file can be called this. */
function fileName(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E").replaceAll("*", "%2A");
}
