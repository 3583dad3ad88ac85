import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { maxValueDepth } from "../../actors/exactness.ts";
import { decodeTable, encodeNumberTable, encodeTable, isTable, type NumberTable, type Table } from "../../actors/table_codec.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { ByteReader, KeyGroupRange, SnapshotPart } from "../graph/operator.ts";
import type { SectionCut } from "./section_cut.ts";

/**
 * The bytes of the keyed state of one subtask.
 *
 * | bytes | content                                                                                   |
 * |-------|-------------------------------------------------------------------------------------------|
 * | …     | chunks, in order of key group, then section: each one encoded value, or a table           |
 * | n     | footer, one encoded value: range, sections, notes, and where each chunk stands            |
 * | 4     | n, little-endian                                                                          |
 * | 4     | magic `SLK3`                                                                              |
 *
 * A section is one state, or one queue of timers. The footer comes last, so that a writer needs to know nothing beforehand; a
 * reader starts from it and takes the chunks of its own key groups only. Bytes are guarded by the checkpoint's checksums.
 *
 * A part of an incremental checkpoint is a *layer* over that of an earlier one: sections that are not `whole` say what changed
 * since. A chunk that is an array of byte strings holds chunks, encoded one by one. One that is a table holds the columns that
 * an encoded value would be an array of; parts of format `SLK2` have no tables, and are read as well.
 */
const magic = [0x53, 0x4c, 0x4b, 0x33] as const;
const formerVersion = 0x32;
const trailerBytes = 8;

/** The name of the one part of scope `keyed`. */
const partName = "keyed";

/** Chunks nest values a few levels deeper than they are themselves. */
const chunkDepth = maxValueDepth + 4;

/** Fewer rows are no table: they take less time as one value. */
const leastRows = 8;

/** What a section says of itself in a snapshot. */
export interface SectionHeader {
  /** Unique in the operator. */
  readonly name: string;
  /** What its chunks hold: `value`, `list`, `map`, `window`, `timers`. */
  readonly kind: string;
  /** JSON of what else must fit: schemas, a window's size; "" for nothing. */
  readonly description: string;
}

/** A section of a part: as a whole, or as what changed since the part below. */
export interface StoredSection extends SectionHeader {
  readonly whole: boolean;
}

/** Takes one chunk of a group. */
export type SectionLoader = (group: number, chunk: unknown) => void;

/** Something with content by key group that goes into snapshots and comes back. */
export interface KeyedSection extends SectionHeader {
  /**
   * Fixes the content as of now, at once.
   * @param since the stamp of the base's cut, the first cut having 0 and each next one 2 more; undefined for the whole content
   * @param followed whether a later cut may build on this one
   */
  cut(since: number | undefined, followed: boolean): SectionCut;
  /** Whether it is known that nothing has changed since the cut with that stamp. */
  isAsAt(stamp: number): boolean;
  /** The cut with that stamp is what later ones build on. */
  based(stamp: number): void;
  /**
   * Prepares for content that was written under `stored`, which has this name and kind.
   * @throws {SluiceError} `STATE_MISMATCH` when it cannot take it
   */
  accept(stored: SectionHeader): SectionLoader;
  /** All content has been given. */
  restored(): void;
}

/** Further facts about the subtask that wrote a part; a plain value. */
export type PartNotes = Readonly<Record<string, unknown>>;

/** One old subtask's part, opened. */
export interface KeyedPart {
  readonly subtask: number;
  readonly range: KeyGroupRange;
  readonly keyGroupCount: number;
  readonly sections: readonly StoredSection[];
  readonly notes: PartNotes;
  /** Quadruples: key group, index of the section, offset, bytes. */
  readonly index: readonly number[];
}

/** A run of bytes that a reader of parts wants to be given. */
export interface WantedBytes {
  readonly offset: number;
  readonly length: number;
}

/** Work that asks for bytes and is given them, whether these are at hand or have to be waited for. */
export type Reading<T, W = WantedBytes> = Generator<W, T, Uint8Array>;

interface Footer {
  readonly range: KeyGroupRange;
  readonly keyGroupCount: number;
  readonly sections: readonly StoredSection[];
  readonly notes: PartNotes;
  readonly index: readonly number[];
}

/** Encodes a chunk of a section. */
export function encodeChunk(chunk: unknown, where: string, headroom = 0, known = false): Uint8Array {
  return encodeValue(chunk, where, chunkDepth, headroom, known);
}

/**
 * Encodes columns of equal length as a chunk: as a table, unless there are too few rows for it to be worth while.
 * @param known whether they were encoded before, as they are
 */
export function encodeColumns(columns: Table, where: string, known = false): Uint8Array {
  const table = columns[0]!.length < leastRows ? undefined : encodeTable(columns, where, chunkDepth, known);
  return table ?? encodeChunk(columns, where, 0, known);
}

/** Encodes a table of numbers as a chunk; undefined where {@link encodeColumns} has to do it. */
export function encodeNumbers(table: NumberTable): Uint8Array | undefined {
  return table.rows < leastRows ? undefined : encodeNumberTable(table, chunkDepth);
}

/** Decodes a chunk. @throws {SluiceError} `STATE_DAMAGED` */
export function decodeChunk(bytes: Uint8Array, where: string): unknown {
  if (!isTable(bytes)) return decodeOrRefuse(bytes, where);
  const decoded = decodeTable(bytes, chunkDepth);
  if (decoded.kind === "corrupt") throw damaged(where, decoded.reason);
  return decoded.table;
}

/** What a part is written from. */
export interface KeyedCut {
  readonly sections: readonly { readonly header: SectionHeader; readonly cut: SectionCut }[];
  readonly range: KeyGroupRange;
  readonly keyGroupCount: number;
  readonly notes: PartNotes;
  /** The checkpoint whose part this one is a layer over. */
  readonly base: CheckpointId | undefined;
}

/** A part of cut sections: encoded piece by piece as its slices are asked for. */
export function keyedPart(cut: KeyedCut): SnapshotPart {
  let released = false;
  return {
    scope: "keyed",
    name: partName,
    base: cut.base,
    slices: () => slicesOf(cut),
    release() {
      if (released) return;
      released = true;
      for (const section of cut.sections) section.cut.release();
    },
  };
}

/** A part that has nothing to say over that of a completed checkpoint. */
export function unchangedPart(base: CheckpointId): SnapshotPart {
  return { scope: "keyed", name: partName, base, slices: () => [] };
}

function* slicesOf({ sections, range, keyGroupCount, notes }: KeyedCut): Iterable<Uint8Array> {
  const index: number[] = [];
  let offset = 0;
  const filled = sections.flatMap(({ cut }, section) => cut.isEmpty ? [] : [section]);
  for (let group = range.first; group <= range.last && filled.length > 0; group++) {
    for (const section of filled) {
      for (const chunk of sections[section]!.cut.chunks(group)) {
        if (chunk.length > 0) index.push(group, section, offset, chunk.length);
        offset += chunk.length;
        yield chunk;
      }
    }
  }
  const headers = sections.map(({ header: { name, kind, description }, cut: { whole } }): StoredSection => {
    return { name, kind, description, whole };
  });
  const footer: Footer = { range, keyGroupCount, sections: headers, notes, index };
  const footerBytes = encodeValue(footer, "the index of keyed state");
  const trailer = new Uint8Array(trailerBytes);
  new DataView(trailer.buffer).setUint32(0, footerBytes.length, true);
  trailer.set(magic, 4);
  yield footerBytes;
  yield trailer;
}

/** Gives a reading what it asks for. */
export async function readWith<T>(reader: ByteReader, reading: Reading<T>): Promise<T> {
  let step = reading.next();
  while (step.done !== true) step = reading.next(await reader.read(step.value.offset, step.value.length));
  return step.value;
}

/**
 * Opens a {@link keyedPart} of so many bytes.
 * @throws {SluiceError} `STATE_DAMAGED` naming operator and old subtask
 */
export function* openKeyedPart(uid: string, subtask: number, bytes: number): Reading<KeyedPart> {
  const where = `the keyed state of operator ${uid}, old subtask ${subtask},`;
  if (bytes < trailerBytes) throw damaged(where, "it ends too early");
  const given = yield { offset: bytes - trailerBytes, length: trailerBytes };
  const trailer = new DataView(given.buffer, given.byteOffset, trailerBytes);
  const isMagic = magic.every((byte, at) => {
    const given = trailer.getUint8(4 + at);
    return given === byte || (at === 3 && given === formerVersion);
  });
  if (!isMagic) throw damaged(where, "it has no trailer");
  const footerBytes = trailer.getUint32(0, true);
  const chunkBytes = bytes - trailerBytes - footerBytes;
  if (chunkBytes < 0) throw damaged(where, "its index is longer than all of it");
  const footer = decodeOrRefuse(yield { offset: chunkBytes, length: footerBytes }, where);
  if (!isFooter(footer, chunkBytes)) throw damaged(where, "its index makes no sense");
  return { subtask, ...footer };
}

/** Gives the chunks of one part that belong to a range of key groups and to sections of interest, decoded one at a time. */
export function* readChunks(
  uid: string,
  part: KeyedPart,
  range: KeyGroupRange,
  wanted: readonly boolean[],
  take: (section: number, group: number, content: unknown) => void,
): Reading<void> {
  const { index } = part;
  for (let at = 0; at < index.length; at += 4) {
    const group = index[at]!;
    const section = index[at + 1]!;
    if (group < range.first || group > range.last || wanted[section] !== true) continue;
    const bytes = yield { offset: index[at + 2]!, length: index[at + 3]! };
    const where = `state ${part.sections[section]!.name} of operator ${uid}, old subtask ${part.subtask}, key group ${group},`;
    const content = decodeChunk(bytes, where);
    if (!isPacked(content)) take(section, group, content);
    else for (const packed of content) take(section, group, decodeChunk(packed, where));
  }
}

/** Whether any part has content in the section of that index, in whatever key group. */
export function hasContent(part: KeyedPart, section: number): boolean {
  for (let at = 1; at < part.index.length; at += 4) {
    if (part.index[at] === section) return true;
  }
  return false;
}

/** The error for bytes that are not what a snapshot holds. */
export function damaged(where: string, reason: string): SluiceError {
  return new SluiceError("STATE_DAMAGED", `${where} cannot be read: ${reason}; restore from another checkpoint`);
}

function decodeOrRefuse(bytes: Uint8Array, where: string): unknown {
  const decoded = decodeValue(bytes, { maxBytes: bytes.length, maxDepth: chunkDepth });
  if (decoded.kind === "corrupt") throw damaged(where, decoded.reason);
  return decoded.value;
}

function isPacked(content: unknown): content is readonly Uint8Array[] {
  return Array.isArray(content) && content.length > 0 && content.every((item) => item instanceof Uint8Array);
}

function isFooter(value: unknown, chunkBytes: number): value is Footer {
  if (typeof value !== "object" || value === null) return false;
  const { range, keyGroupCount, sections, notes, index } = value as Partial<Record<keyof Footer, unknown>>;
  if (!isRange(range) || typeof keyGroupCount !== "number") return false;
  if (typeof notes !== "object" || notes === null) return false;
  if (!Array.isArray(sections) || !sections.every(isHeader)) return false;
  return Array.isArray(index) && isIndex(index, sections.length, chunkBytes);
}

function isRange(value: unknown): value is KeyGroupRange {
  if (typeof value !== "object" || value === null) return false;
  const { first, last } = value as Partial<KeyGroupRange>;
  return typeof first === "number" && typeof last === "number" && first >= 0 && first <= last;
}

function isHeader(value: unknown): value is StoredSection {
  if (typeof value !== "object" || value === null) return false;
  const { name, kind, description, whole } = value as Partial<StoredSection>;
  if (typeof name !== "string" || typeof kind !== "string" || typeof description !== "string") return false;
  return typeof whole === "boolean";
}

function isIndex(index: readonly unknown[], sections: number, chunkBytes: number): boolean {
  if (index.length % 4 !== 0 || !index.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)) return false;
  for (let at = 0; at < index.length; at += 4) {
    if ((index[at + 1] as number) >= sections) return false;
    if ((index[at + 2] as number) + (index[at + 3] as number) > chunkBytes) return false;
  }
  return true;
}
