import { DiskError } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { SourceContext } from "../graph/source.ts";

const chunkBytes = 256 * 1024;
const maxChunks = 2;

/**
 * Reads a file in chunks, a little ahead of whoever takes them, and wakes the source when there is a chunk after there was
 * none. Begins with the first `take`.
 */
export class ReadAhead {
  readonly #context: SourceContext;
  readonly #path: string;
  readonly #to: number;
  readonly #chunks: Uint8Array[] = [];
  #at: number;
  #reading: Promise<void> | undefined;
  #failure: SluiceError | undefined;
  #closed = false;

  /** Reads the bytes `[from, to)`, which the file is known to have. */
  constructor(context: SourceContext, path: string, from: number, to: number) {
    this.#context = context;
    this.#path = path;
    this.#at = from;
    this.#to = to;
  }

  /** The next chunk; undefined when it is not there yet, or when all have been taken. Throws what reading has met. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined && this.#failure !== undefined) throw this.#failure;
    if (this.#reading === undefined && this.#wanting) this.#reading = this.#fill();
    return chunk;
  }

  /** Whether all chunks have been taken. */
  get ended(): boolean {
    return this.#at >= this.#to && this.#chunks.length === 0;
  }

  /** Reads no further. Settles when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading;
    this.#chunks.length = 0;
  }

  get #wanting(): boolean {
    return !this.#closed && this.#failure === undefined && this.#at < this.#to && this.#chunks.length < maxChunks;
  }

  async #fill(): Promise<void> {
    while (this.#wanting) {
      const wanted = Math.min(chunkBytes, this.#to - this.#at);
      try {
        const chunk = await this.#context.disk.readRange(this.#path, this.#at, wanted);
        if (chunk.length < wanted) throw shrunk(this.#context.uid, this.#path, this.#to, this.#at + chunk.length);
        this.#chunks.push(chunk);
        this.#at += wanted;
      } catch (error) {
        this.#failure = unreadable(this.#context.uid, this.#path, error);
      }
      if (!this.#closed && this.#chunks.length <= 1) this.#context.wake();
    }
    this.#reading = undefined;
  }
}

/** The length of a source's file; rejects with `SOURCE_MISSING` or `SOURCE_UNREADABLE`. */
export async function fileSize(context: SourceContext, path: string): Promise<number> {
  try {
    return await context.disk.size(path);
  } catch (error) {
    throw unreadable(context.uid, path, error);
  }
}

/** The file is shorter than what was already read or seen of it. */
export function shrunk(uid: string, path: string, expected: number, actual: number): SluiceError {
  return new SluiceError(
    "SOURCE_POSITION_LOST",
    `source ${uid}: "${path}" has ${actual} bytes, but had at least ${expected} before: bring the file back as it was, ` +
      `or start without the snapshot`,
  );
}

/** The error of a source whose file cannot be read. */
export function unreadable(uid: string, path: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  if (error instanceof DiskError && error.code === "missing") {
    const hint = /^([/\\]|[A-Za-z]:)/.test(path)
      ? "check the path"
      : "a relative path starts at the folder that the process was started in";
    return new SluiceError("SOURCE_MISSING", `source ${uid}: there is no file "${path}": ${hint}`, { cause: error });
  }
  const said = messageOf(error);
  return new SluiceError("SOURCE_UNREADABLE", `source ${uid}: "${path}" cannot be read: ${said}`, { cause: error });
}
