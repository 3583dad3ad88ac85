import { SluiceError } from "../../actors/error.ts";
import type { CapturedBytes } from "../checkpoint/contribution.ts";
import { decodeFrames, encodeFrames } from "../graph/frame_codec.ts";
import type { Frame } from "../graph/frame.ts";
import type { OpenReader, OrderedStore, StoreBatch } from "../graph/ordered_store.ts";
import type { CapturedFrame } from "./output_channel.ts";

/** Marks cost nothing: so many frames are written whatever they cost. */
const chunkFrames = 1_024;

/** Frames that were written together. */
interface Chunk {
  readonly key: Uint8Array;
  readonly first: number;
  readonly last: number;
  readonly cost: number;
  readonly records: number;
  readonly watermarks: number;
  /** How many open cuts have it. */
  cuts: number;
  /** Whether it was taken out: it goes when no cut has it any more. */
  taken: boolean;
}

/**
 * The part of what waits on one channel that is on scratch space: the younger one, in order of seq. The youngest frames of all
 * are still in memory, until there are enough of them to be written.
 */
export class Spill {
  readonly #store: OrderedStore;
  readonly #channel: number;
  readonly #chunkBytes: number;
  readonly #chunks: Chunk[] = [];
  /** Nobody asks for them any more: they go with the next write. */
  #obsolete: Uint8Array[] = [];
  #young: Frame[] = [];
  #youngCost = 0;

  /** @param store where all channels of a subtask spill to; `channel`: its number among them; `chunkBytes`: written at a time */
  constructor(store: OrderedStore, channel: number, chunkBytes: number) {
    this.#store = store;
    this.#channel = channel;
    this.#chunkBytes = chunkBytes;
  }

  get empty(): boolean {
    return this.#young.length === 0 && this.#chunks.length === 0;
  }

  /** @throws {SluiceError} `STATE_BACKEND_FAILED`; `UNENCODABLE_VALUE` as for any frame that is written */
  add(frame: Frame): void {
    this.#young.push(frame);
    this.#youngCost += frame.cost;
    if (this.#youngCost >= this.#chunkBytes || this.#young.length >= chunkFrames) this.#write();
  }

  /** Takes the oldest frames out, to be processed next; none when there are none. */
  take(): { readonly frames: Frame[]; readonly cost: number } {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      const taken = { frames: this.#young, cost: this.#youngCost };
      this.#young = [];
      this.#youngCost = 0;
      return taken;
    }
    const frames = framesOf(this.#store.get(chunk.key)).map(({ frame }) => frame);
    chunk.taken = true;
    this.#forget([chunk]);
    if (this.#obsolete.length > 0) this.#store.write((batch) => this.#sweep(batch));
    return { frames, cost: chunk.cost };
  }

  /** What is here now, for a capture; undefined when all of it is in memory. `young`: what is, and comes behind it. */
  cut(): { readonly written: SpillCut | undefined; readonly young: readonly Frame[] } {
    const young = [...this.#young];
    if (this.#chunks.length === 0) return { written: undefined, young };
    const chunks = [...this.#chunks];
    for (const chunk of chunks) chunk.cuts++;
    const released = () => {
      for (const chunk of chunks) chunk.cuts--;
      this.#forget(chunks);
    };
    return { written: new SpillCut(chunks, this.#store.reader(), released), young };
  }

  /** Those of the chunks that nobody asks for any more. */
  #forget(chunks: readonly Chunk[]): void {
    for (const { key, taken, cuts } of chunks) if (taken && cuts === 0) this.#obsolete.push(key);
  }

  #sweep(batch: StoreBatch): void {
    for (const key of this.#obsolete) batch.remove(key);
    this.#obsolete = [];
  }

  #write(): void {
    const frames = this.#young;
    const first = (frames[0] as Frame).seq;
    const key = new Uint8Array(12);
    new DataView(key.buffer).setUint32(0, this.#channel);
    new DataView(key.buffer).setBigUint64(4, BigInt(first));
    const bytes = encodeFrames(frames.map((frame) => ({ frame, skip: 0 })));
    this.#store.write((batch) => {
      batch.put(key, bytes);
      this.#sweep(batch);
    });
    let records = 0;
    let watermarks = 0;
    for (const { values, mark } of frames) {
      records += values.length;
      if (mark?.kind === "watermark") watermarks++;
    }
    this.#chunks.push({
      key,
      first,
      last: (frames.at(-1) as Frame).seq,
      cost: this.#youngCost,
      records,
      watermarks,
      cuts: 0,
      taken: false,
    });
    this.#young = [];
    this.#youngCost = 0;
  }
}

/** Frames that were on scratch space at a moment, whatever becomes of them since. */
export class SpillCut implements CapturedBytes {
  #chunks: readonly Chunk[];
  readonly #reader: OpenReader;
  #released: (() => void) | undefined;
  /** Of the last chunk: its frames that belong to the cut, where that is not all of them. */
  #rest: readonly CapturedFrame[] | undefined;

  /** @param released is called when nothing of it is asked for any more; until then the chunks stay */
  constructor(chunks: readonly Chunk[], reader: OpenReader, released: () => void) {
    this.#chunks = chunks;
    this.#reader = reader;
    this.#released = released;
  }

  /** Takes out what comes after the barrier. */
  trim(afterSeq: number): void {
    this.#chunks = this.#chunks.filter(({ first }) => first <= afterSeq);
    const last = this.#chunks.at(-1);
    if (last === undefined || last.last <= afterSeq) return;
    this.#rest = framesOf(this.#reader.get(last.key)).filter(({ frame }) => frame.seq <= afterSeq);
    this.#chunks = this.#chunks.slice(0, -1);
  }

  /** The number of its last frame; undefined when nothing is left. */
  get last(): number | undefined {
    return this.#rest?.at(-1)?.frame.seq ?? this.#chunks.at(-1)?.last;
  }

  get records(): number {
    return sum(this.#chunks, ({ records }) => records) + sum(this.#rest ?? [], ({ frame }) => frame.values.length);
  }

  get watermarks(): number {
    return sum(this.#chunks, ({ watermarks }) => watermarks) +
      sum(this.#rest ?? [], ({ frame }) => (frame.mark?.kind === "watermark" ? 1 : 0));
  }

  *slices(): Iterable<Uint8Array> {
    for (const { key } of this.#chunks) yield this.#reader.get(key) ?? missing();
    if (this.#rest !== undefined && this.#rest.length > 0) yield encodeFrames(this.#rest);
  }

  release(): void {
    this.#released?.();
    this.#released = undefined;
    this.#reader.close();
  }
}

function framesOf(bytes: Uint8Array | undefined): readonly CapturedFrame[] {
  const decoded = decodeFrames(bytes ?? missing());
  if (decoded.kind === "frames") return decoded.frames;
  throw new SluiceError("STATE_BACKEND_FAILED", `feedback that was spilled cannot be read: ${decoded.reason}`);
}

function missing(): never {
  throw new SluiceError("STATE_BACKEND_FAILED", "feedback that was spilled is missing: somebody changes the folder of the state");
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
