import { messageOf } from "../../actors/error.ts";
import type { NatsConnection } from "nats";
import type { Clock } from "../../actors/clock.ts";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { type Disk, DiskError, type DiskWriter } from "../../actors/disk.ts";
import type { KeyValueEntry } from "../../actors/key_value.ts";
import type { Random } from "../../actors/random.ts";
import { NatsKeyValue } from "./nats_key_value.ts";
import { blockBytes, ObjectBlocks } from "./object_blocks.ts";
import { ObjectWriter } from "./object_writer.ts";
import { patiently } from "./patience.ts";

/** Blocks that were read last, kept for who reads on in a file: in number. */
const keptBlocks = 8;

/** How long the index is tried while NATS is away, in milliseconds. */
const patienceMs = 30_000;

/** What the index says of a file: its blocks are `<id>.0`, `<id>.1` … */
export interface IndexedFile {
  readonly id: string;
  readonly bytes: number;
}

/** What an {@link ObjectDisk} can be told. */
export interface ObjectDiskOptions {
  /** Buckets are called after it. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Of how many servers everything is kept, when the buckets have to be made. @default 1 */
  readonly replicas?: number;
  /** They are not made where they are not there: that is an error. @default false */
  readonly existing?: boolean;
}

/**
 * Files in NATS, for checkpoints of a cluster without a shared folder: blocks of 1 MiB in an Object Store, and in a bucket, by
 * path, which blocks a file has.
 *
 * - A file is seen whole or not at all: its entry is written, by compare-and-set, when it is synced.
 * - Folders are nothing of their own: each is there whose files are.
 * - `link` gives the second name a copy of its own. Appending is refused.
 * - A path may begin with `nats:`, as places are written; it is no part of the name.
 * - It is as durable as the server's storage: a server without `sync_interval: always` and without replicas can lose, in a power
 *   failure, what it confirmed.
 */
export class ObjectDisk implements Disk {
  readonly #blocks: ObjectBlocks;
  readonly #index: NatsKeyValue;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #kept = new Map<string, Uint8Array>();

  private constructor(blocks: ObjectBlocks, index: NatsKeyValue, { clock, random }: ObjectDiskOptions) {
    this.#blocks = blocks;
    this.#index = index;
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws {SluiceError} `JETSTREAM_MISSING` */
  static async open(connection: NatsConnection, options: ObjectDiskOptions): Promise<ObjectDisk> {
    const { name, clock, replicas = 1, existing = false } = options;
    const index = await NatsKeyValue.open(connection, `${name}_files`, { replicas, existing });
    return new ObjectDisk(await ObjectBlocks.open(connection, `${name}_blocks`, { clock, replicas }), index, options);
  }

  read(path: string): Promise<Uint8Array> {
    return this.readRange(path, 0, Infinity);
  }

  /** One look-up in the index, whatever the range. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#attempt("read", path, async () => {
      const { id, bytes } = await this.#file(path);
      const end = Math.min(bytes, offset + length);
      const range = new Uint8Array(Math.max(0, end - offset));
      for (let at = offset; at < end;) {
        const number = Math.floor(at / blockBytes);
        const block = await this.#block(path, `${id}.${number}`);
        const from = at - number * blockBytes;
        const part = block.subarray(from, Math.min(block.length, from + end - at));
        if (part.length === 0) throw new DiskError("io", path, `Cannot read ${path}: block ${number} is too short`);
        range.set(part, at - offset);
        at += part.length;
      }
      return range;
    });
  }

  async size(path: string): Promise<number> {
    return (await this.#file(path)).bytes;
  }

  openWrite(path: string, options?: { readonly append?: boolean }): Promise<DiskWriter> {
    return this.#attempt("open", path, () => {
      if (options?.append === true) throw new DiskError("denied", path, `Cannot append to ${path}: it is in an Object Store`);
      const id = this.#random.id();
      return Promise.resolve(
        new ObjectWriter(path, {
          put: (number, bytes) => this.#blocks.put(`${id}.${number}`, bytes),
          remove: (number) => this.#blocks.remove(`${id}.${number}`),
          publish: (bytes) => this.#replace(path, { id, bytes }),
        }),
      );
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#attempt("rename", to, async () => {
      const entry = await this.#entry(from);
      if (entry === undefined) throw new DiskError("missing", to, `Cannot rename ${from} to ${to}: it is missing`);
      await this.#replace(to, fileOf(from, entry));
      await this.#patiently(() => this.#index.delete(keyOf(from), entry.revision));
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#attempt("link", to, async () => {
      const entry = await this.#entry(from);
      if (entry === undefined) throw new DiskError("missing", to, `Cannot link ${from} to ${to}: it is missing`);
      const { bytes } = fileOf(from, entry);
      const id = this.#random.id();
      const count = Math.ceil(bytes / blockBytes);
      for (let number = 0; number < count; number++) {
        const offset = number * blockBytes;
        await this.#blocks.put(`${id}.${number}`, await this.readRange(from, offset, Math.min(blockBytes, bytes - offset)));
      }
      if (await this.#claim(to, { id, bytes })) return;
      await this.#drop({ id, bytes });
      throw new DiskError("exists", to, `Cannot link ${from} to ${to}: the name is taken`);
    });
  }

  remove(path: string): Promise<void> {
    return this.#attempt("remove", path, async () => {
      const entry = await this.#entry(path);
      if (entry === undefined) return;
      await this.#patiently(() => this.#index.delete(keyOf(path), entry.revision));
      await this.#drop(fileOf(path, entry));
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#attempt("list", path, async () => {
      const prefix = keyOf(path);
      const keys = await this.#patiently(() => this.#index.keys(prefix));
      const names = keys.flatMap((key) => key === prefix ? [] : [nameOf(key.slice(prefix.length + 1).split(".")[0] ?? "")]);
      if (names.length === 0) throw new DiskError("missing", path, `Cannot list ${path}: it is missing`);
      return [...new Set(names)].sort();
    });
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  removeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  syncDirectory(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#index.close();
  }

  async #file(path: string): Promise<IndexedFile> {
    return await this.#attempt("read", path, async () => {
      const entry = await this.#entry(path);
      if (entry === undefined) throw new DiskError("missing", path, `Cannot read ${path}: it is missing`);
      return fileOf(path, entry);
    });
  }

  #entry(path: string): Promise<KeyValueEntry | undefined> {
    return this.#patiently(() => this.#index.get(keyOf(path)));
  }

  /** Writes the entry of a file where there is none; false when the name is taken. */
  #claim(path: string, file: IndexedFile): Promise<boolean> {
    const key = keyOf(path);
    return this.#patiently(async () => {
      if (await this.#index.put(key, encodeValue(file), 0) !== undefined) return true;
      const found = await this.#index.get(key);
      return found !== undefined && fileOf(path, found).id === file.id; // written before, without an answer
    });
  }

  /** Writes the entry of a file; what stood there before is removed. */
  async #replace(path: string, file: IndexedFile): Promise<void> {
    const key = keyOf(path);
    const before = await this.#patiently(async () => {
      const found = await this.#index.get(key);
      const there = found === undefined ? undefined : fileOf(path, found);
      if (there?.id === file.id) return undefined; // written before, without an answer
      const revision = await this.#index.put(key, encodeValue(file), found?.revision ?? 0);
      if (revision === undefined) throw new DiskError("io", path, `Cannot write ${path}: somebody else does, too`);
      return there;
    });
    if (before !== undefined) await this.#drop(before);
  }

  async #drop({ id, bytes }: IndexedFile): Promise<void> {
    for (let number = 0; number * blockBytes < bytes; number++) {
      this.#kept.delete(`${id}.${number}`);
      await this.#blocks.remove(`${id}.${number}`);
    }
  }

  async #block(path: string, name: string): Promise<Uint8Array> {
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const block = await this.#blocks.get(name);
    if (block === undefined) throw new DiskError("io", path, `Cannot read ${path}: its block ${name} is missing`);
    this.#kept.set(name, block);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptBlocks && oldest !== undefined) this.#kept.delete(oldest);
    return block;
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(work, { clock: this.#clock, patienceMs });
  }

  async #attempt<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DiskError) throw error;
      const reason = messageOf(error);
      throw new DiskError("io", path, `Cannot ${action} ${path} in the Object Store: ${reason}`, { cause: error });
    }
  }
}

/** A path as a key: what is no letter, digit or `-` is spelt out. */
function keyOf(path: string): string {
  const names = path.replace(/^nats:/, "").split("/").filter((name) => name !== "");
  const spelt = (char: string) => `_${(char.codePointAt(0) as number).toString(16)}_`;
  return names.map((name) => name.replace(/[^A-Za-z0-9-]/gu, spelt)).join(".");
}

function nameOf(token: string): string {
  return token.replace(/_([0-9a-f]+)_/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
}

function fileOf(path: string, { value }: KeyValueEntry): IndexedFile {
  const decoded = decodeValue(value);
  const { id, bytes } = Object(decoded.kind === "value" ? decoded.value : undefined) as Partial<IndexedFile>;
  if (typeof id === "string" && Number.isSafeInteger(bytes)) return { id, bytes: bytes as number };
  throw new DiskError("io", path, `Cannot read ${path}: what the Object Store's index says of it makes no sense`);
}
