import { messageOf } from "./error.ts";
import type { FileHandle } from "node:fs/promises";
import { link, lstat, mkdir, open, readdir, readFile, rename, rmdir, stat, unlink } from "node:fs/promises";
import { type Disk, DiskError, type DiskFault, type DiskWriter } from "./disk.ts";

const faults: ReadonlyMap<string, DiskFault> = new Map([
  ["ENOENT", "missing"],
  ["EEXIST", "exists"],
  ["ENOTEMPTY", "exists"],
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EFBIG", "full"],
  ["EACCES", "denied"],
  ["EPERM", "denied"],
  ["EROFS", "denied"],
]);

/** What a platform answers that cannot make a folder durable; its names are durable without, or never. */
const noDirectorySync: ReadonlySet<string> = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR", "EBADF"]);

const onWindows = process.platform === "win32";

function errnoOf(error: unknown): string {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

function diskError(error: unknown, action: string, path: string): DiskError {
  if (error instanceof DiskError) return error;
  const reason = messageOf(error);
  return new DiskError(faults.get(errnoOf(error)) ?? "io", path, `Cannot ${action} ${path}: ${reason}`, { cause: error });
}

async function attempt<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, action, path);
  }
}

async function withHandle<T>(path: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, "r");
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

class SystemDisk implements Disk {
  read(path: string): Promise<Uint8Array> {
    return attempt("read", path, async () => {
      const { buffer, byteOffset, byteLength } = await readFile(path);
      return new Uint8Array(buffer, byteOffset, byteLength);
    });
  }

  readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    return attempt("read", path, () =>
      withHandle(path, async (handle) => {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, (await handle.stat()).size - offset)));
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      }));
  }

  isLink(path: string): Promise<boolean> {
    return attempt("look at", path, async () => {
      try {
        return (await lstat(path)).isSymbolicLink();
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
        throw error;
      }
    });
  }

  size(path: string): Promise<number> {
    return attempt("read the size of", path, async () => (await stat(path)).size);
  }

  openWrite(path: string, options?: { readonly append?: boolean }): Promise<DiskWriter> {
    return attempt("open", path, async () => new SystemDiskWriter(path, await open(path, options?.append === true ? "a" : "w")));
  }

  rename(from: string, to: string): Promise<void> {
    return attempt(`rename ${from} to`, to, () => rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return attempt(`link ${from} to`, to, () => link(from, to));
  }

  remove(path: string): Promise<void> {
    return attempt("remove", path, () => tolerateMissing(unlink(path)));
  }

  list(path: string): Promise<readonly string[]> {
    return attempt("list", path, async () => (await readdir(path)).sort());
  }

  async makeDirectory(path: string): Promise<void> {
    await attempt("make folder", path, () => mkdir(path, { recursive: true }));
  }

  removeDirectory(path: string): Promise<void> {
    return attempt("remove folder", path, () => tolerateMissing(rmdir(path)));
  }

  syncDirectory(path: string): Promise<void> {
    return attempt("sync folder", path, async () => {
      try {
        await withHandle(path, (handle) => handle.sync());
      } catch (error) {
        const code = errnoOf(error);
        if (!noDirectorySync.has(code) && !(onWindows && code !== "ENOENT")) throw error;
      }
    });
  }
}

async function tolerateMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Operations run one after the other; after one has failed none is tried again. */
class SystemDiskWriter implements DiskWriter {
  readonly #path: string;
  readonly #handle: FileHandle;
  #tail: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#next("write", async () => {
      let written = 0;
      while (written < bytes.length) {
        written += (await this.#handle.write(bytes, written, bytes.length - written, null)).bytesWritten;
      }
    });
  }

  sync(): Promise<void> {
    return this.#next("sync", () => this.#handle.sync());
  }

  close(): Promise<void> {
    this.#closing ??= this.#tail.catch(() => {}).then(() => attempt("close", this.#path, () => this.#handle.close()));
    return this.#closing;
  }

  #next(action: string, work: () => Promise<void>): Promise<void> {
    if (this.#closing !== undefined) {
      return Promise.reject(new DiskError("io", this.#path, `Cannot ${action} ${this.#path}: the file is closed`));
    }
    this.#tail = this.#tail.then(() => attempt(action, this.#path, work));
    this.#tail.catch(() => {});
    return this.#tail;
  }
}

const machine = new SystemDisk();

/** The disk of this machine. */
export function systemDisk(): Disk {
  return machine;
}
