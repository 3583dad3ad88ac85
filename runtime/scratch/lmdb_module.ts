import type { RootDatabase, RootDatabaseOptionsWithPath } from "lmdb";

/** A database of bytes. */
export type Database = RootDatabase<Uint8Array, Uint8Array>;

/** The one function of lmdb that is needed to begin. */
export type OpenDatabase = (options: RootDatabaseOptionsWithPath) => Database;

/** Loads lmdb, an optional dependency with native code. Rejects where it is not installed, or does not run. */
export async function loadLmdb(load: () => Promise<unknown> = () => import("lmdb")): Promise<OpenDatabase> {
  const { open } = await load() as { readonly open?: OpenDatabase };
  if (typeof open !== "function") throw new TypeError("the module lmdb has no open()");
  return open;
}
