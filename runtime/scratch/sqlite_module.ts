/** What is used of `node:sqlite`. */
export interface Connection {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** A statement of a connection. */
export interface Statement {
  get(...values: readonly (Uint8Array | number)[]): unknown;
  all(...values: readonly (Uint8Array | number)[]): readonly unknown[];
  run(...values: readonly (Uint8Array | number)[]): unknown;
}

/** Opens a file. */
export type ConnectionClass = new (path: string) => Connection;

/** Loads the SQLite of the runtime. Rejects where it has none. */
export async function loadSqlite(load: () => Promise<unknown> = () => import("node:sqlite" as string)): Promise<ConnectionClass> {
  const { DatabaseSync } = await load() as { readonly DatabaseSync?: ConnectionClass };
  if (typeof DatabaseSync !== "function") throw new TypeError("node:sqlite has no DatabaseSync");
  return DatabaseSync;
}
