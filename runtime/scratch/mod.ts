/** Keyed state on the disk: ordered stores on scratch space. The only folder that knows of SQLite and lmdb. */
export { scratchStores } from "./stores.ts";
