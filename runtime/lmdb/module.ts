import type { RootDatabase, RootDatabaseOptionsWithPath } from "lmdb";
import { messageOf, SluiceError } from "../../actors/error.ts";

/** A database of bytes. */
export type Database = RootDatabase<Uint8Array, Uint8Array>;

/** The one function of lmdb that is needed to begin. */
export type OpenDatabase = (options: RootDatabaseOptionsWithPath) => Database;

/**
 * Loads lmdb, an optional dependency with native code, when it is needed and not before.
 * @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` where it is not installed, or does not run
 */
export async function loadLmdb(load: () => Promise<unknown> = () => import("lmdb")): Promise<OpenDatabase> {
  try {
    const { open } = await load() as { readonly open: OpenDatabase };
    if (typeof open !== "function") throw new TypeError("the module has no open()");
    return open;
  } catch (cause) {
    const reason = messageOf(cause);
    throw new SluiceError(
      "STATE_BACKEND_UNAVAILABLE",
      `the state backend "disk" needs the package lmdb, which cannot be loaded here: ${reason}; install it (npm install lmdb), ` +
        `or keep state on the heap (state: { backend: "heap" })`,
      { cause },
    );
  }
}
