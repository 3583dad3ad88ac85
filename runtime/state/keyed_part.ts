import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { maxValueDepth } from "../../actors/exactness.ts";
import { decodeTable, encodeNumberTable, encodeTable, isTable, type NumberTable, type Table } from "../../actors/table_codec.ts";
import type { CheckpointId } from "../graph/frame.ts";
import { type Key, keyGroupOf } from "../graph/key.ts";
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
 * | 4     | magic `SLK4`                                                                              |
 *
 * A section is one state, or one queue of timers. The footer comes last, so that a writer needs to know nothing beforehand; a
 * reader starts from it and takes the chunks of its own key groups only. Bytes are guarded by the checkpoint's checksums.
 *
 * A part of an incremental checkpoint is a *layer* over that of an earlier one: sections that are not `whole` say what changed
 * since. A chunk that is an array of byte strings holds chunks, encoded one by one. One that is a table holds the columns that
 * an encoded value would be an array of. A chunk may be of several key groups, where there is little in each: a key says which
 * is its own. Parts of former formats are read as well: in `SLK3` each chunk is of one group, and `SLK2` has no tables either.
 */
const magic = [0x53, 0x4c, 0x4b, 0x34] as const;
const formerVersions: readonly number[] = [0x32, 0x33];
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

/** Gives the key group of a key in a chunk; -1: it is not wanted. */
export type GroupOf = (key: Key) => number;

/** Takes one chunk. */
export type SectionLoader = (groupOf: GroupOf, chunk: unknown) => void;

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
  /** Of each chunk: its first and its last key group, the index of its section, offset, bytes. */
  readonly index: readonly number[];
}

/** So many numbers of an index say where a chunk stands. */
const placeNumbers = 5;

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
  return table.count < leastRows ? undefined : encodeNumberTable(table, chunkDepth);
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
  const filled = sections.flatMap(({ cut }, section) => cut.isEmpty ? [] : [{ cut, section, next: range.first }]);
  for (let first = range.first; first <= range.last && filled.length > 0; first++) {
    for (const open of filled) {
      if (open.next > first) continue;
      const last = Math.min(range.last, first + open.cut.groupsAtOnce - 1);
      open.next = last + 1;
      for (const chunk of open.cut.chunks({ first, last })) {
        if (chunk.length > 0) index.push(first, last, open.section, offset, chunk.length);
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
  const version = trailer.getUint8(7);
  const former = formerVersions.includes(version);
  const isMagic = magic.every((byte, at) => trailer.getUint8(4 + at) === byte || (at === 3 && former));
  if (!isMagic) throw damaged(where, "it has no trailer");
  const footerBytes = trailer.getUint32(0, true);
  const chunkBytes = bytes - trailerBytes - footerBytes;
  if (chunkBytes < 0) throw damaged(where, "its index is longer than all of it");
  const footer = decodeOrRefuse(yield { offset: chunkBytes, length: footerBytes }, where);
  if (former) endGroups(footer);
  if (!isFooter(footer, chunkBytes)) throw damaged(where, "its index makes no sense");
  return { subtask, ...footer };
}

/** In the index of a former format each chunk has one key group, said once. */
function endGroups(footer: unknown): void {
  const { index } = Object(footer) as { index?: unknown };
  if (!Array.isArray(index)) return;
  (footer as { index: unknown[] }).index = index.flatMap((item, at) => at % (placeNumbers - 1) === 0 ? [item, item] : [item]);
}

/**
 * Gives the chunks of one part that have key groups of a range and belong to sections of interest, decoded one at a time. Keys in
 * them that are of other groups are not wanted.
 */
export function* readChunks(
  uid: string,
  part: KeyedPart,
  range: KeyGroupRange,
  wanted: readonly boolean[],
  take: (section: number, groupOf: GroupOf, content: unknown) => void,
): Reading<void> {
  const { index, keyGroupCount } = part;
  for (let at = 0; at < index.length; at += placeNumbers) {
    const [first, last, section] = [index[at]!, index[at + 1]!, index[at + 2]!];
    if (last < range.first || first > range.last || wanted[section] !== true) continue;
    const bytes = yield { offset: index[at + 3]!, length: index[at + 4]! };
    const groups = first === last ? `group ${first}` : `groups ${first} to ${last}`;
    const where = `state ${part.sections[section]!.name} of operator ${uid}, old subtask ${part.subtask}, key ${groups},`;
    const content = decodeChunk(bytes, where);
    const groupOf = first === last ? () => first : (key: Key) => {
      const group = keyGroupOf(key, keyGroupCount, where);
      if (group < first || group > last) throw damaged(where, `it holds a key of group ${group}`);
      return group < range.first || group > range.last ? -1 : group;
    };
    if (!isPacked(content)) take(section, groupOf, content);
    else for (const packed of content) take(section, groupOf, decodeChunk(packed, where));
  }
}

/** The key groups of the chunks of a part: of each chunk the first and the last. */
export function groupsOf({ index }: KeyedPart): readonly KeyGroupRange[] {
  const groups: KeyGroupRange[] = [];
  for (let at = 0; at < index.length; at += placeNumbers) groups.push({ first: index[at]!, last: index[at + 1]! });
  return groups;
}

/** Whether any part has content in the section of that index, in whatever key group. */
export function hasContent(part: KeyedPart, section: number): boolean {
  for (let at = 2; at < part.index.length; at += placeNumbers) {
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
  return Array.isArray(index) && isIndex(index, range, sections.length, chunkBytes);
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

function isIndex(index: readonly unknown[], range: KeyGroupRange, sections: number, chunkBytes: number): boolean {
  const isWhole = (item: unknown) => Number.isSafeInteger(item) && (item as number) >= 0;
  if (index.length % placeNumbers !== 0 || !index.every(isWhole)) return false;
  const places = index as readonly number[];
  for (let at = 0; at < places.length; at += placeNumbers) {
    const [first, last, section] = [places[at]!, places[at + 1]!, places[at + 2]!];
    if (first < range.first || first > last || last > range.last || section >= sections) return false;
    if (places[at + 3]! + places[at + 4]! > chunkBytes) return false;
  }
  return true;
}
