/** What went wrong on a disk, in terms that callers act on. */
export type DiskFault = "missing" | "exists" | "full" | "denied" | "io";

/** A disk operation failed. `code` says how, `path` where, `cause` keeps the platform's own error. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: DiskFault;
  readonly path: string;

  constructor(code: DiskFault, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/** A file opened for writing. Bytes are written in call order. */
export interface DiskWriter {
  /** Appends the bytes. The caller must not change them before the promise settles. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes everything written so far durable. A failed sync is final: write a new file instead of trying again. */
  sync(): Promise<void>;
  /** Closes the file. What was not synced may be lost in a crash. A second call does nothing. */
  close(): Promise<void>;
}

/**
 * Files, as everything in Sluice sees them. Paths are absolute or relative to the process's folder, with `/`.
 *
 * - Every method rejects with {@link DiskError}.
 * - A file's name is durable only after `syncDirectory` of its folder; its bytes only after `DiskWriter.sync`.
 */
export interface Disk {
  /** The whole file. */
  read(path: string): Promise<Uint8Array>;
  /** Up to `length` bytes from `offset`; fewer only at the end of the file. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** The file's length in bytes. */
  size(path: string): Promise<number>;
  /** Opens a file for writing: created if missing; emptied unless `append`. */
  openWrite(path: string, options?: { readonly append?: boolean }): Promise<DiskWriter>;
  /**
   * Whether the name is a symbolic link; a missing one is none. A disk without links does not have this.
   */
  isLink?(path: string): Promise<boolean>;
  /** Renames a file, replacing what stands at `to`. Atomic. */
  rename(from: string, to: string): Promise<void>;
  /** Gives the file a second name; fails with `exists` when `to` is taken. Atomic. */
  link(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is not an error. */
  remove(path: string): Promise<void>;
  /** The names in a folder, sorted by code unit; a missing folder is `missing`. */
  list(path: string): Promise<readonly string[]>;
  /** Makes a folder and its parents; an existing one is not an error. */
  makeDirectory(path: string): Promise<void>;
  /** Removes an empty folder; a missing one is not an error. */
  removeDirectory(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncDirectory(path: string): Promise<void>;
}
