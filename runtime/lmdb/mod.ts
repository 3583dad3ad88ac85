/** Keyed state on the disk: ordered stores on lmdb. The only folder that knows of lmdb. */
export { lmdbStores } from "./store.ts";
