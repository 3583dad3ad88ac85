import type { KeyGroupRange } from "../graph/operator.ts";
import type { ChangeLog, Tracked } from "./changes.ts";
import type { ChunkSize } from "./chunk_size.ts";
import type { Cut, Stamps } from "./cut.ts";
import { GroupedItems, type Items } from "./items.ts";
import type { RowMarks } from "./touched_rows.ts";

/** A section as of one moment, to be written some groups at a time, in order, while it goes on changing. */
export interface SectionCut {
  /** Whether it stands alone; else it says what has changed since the base. */
  readonly whole: boolean;
  /** Whether it is known that no group has anything to write. */
  readonly isEmpty: boolean;
  /** How many groups are to be written together: where there is little in each, a chunk for each would be most of the work. */
  readonly groupsAtOnce: number;
  /** The content of these groups, in bounded pieces of work; one that came to nothing gives an empty chunk. */
  chunks(groups: KeyGroupRange): Iterable<Uint8Array>;
  /** Nothing of it will be asked for any more. */
  release(): void;
}

/** How a section of tracked items shows itself to the writer. */
export interface SectionCodec<T, K> {
  /** The items of a group, in order. Read on while the section changes. */
  items(group: number): Items<T>;
  /** Writes what stands in rows and has these stamps: of all rows, or of those that were touched. @default there are no rows */
  rows?: (groups: KeyGroupRange, stamps: Stamps, touched: readonly RowMarks[] | undefined) => Iterable<Uint8Array>;
  /** Whether an item still counts. @default all do */
  isLive?: (item: T) => boolean;
  encode(items: readonly T[]): Uint8Array;
  /** Encodes items that were encoded before, as they are. @default as all others */
  encodeAgain?: (items: readonly T[]) => Uint8Array;
  /** Items that are gone since the base; always before the others of their group. */
  encodeRemoved(items: readonly T[]): Uint8Array;
  /** In chunks of about so many items. */
  encodeKept(kept: readonly K[], most: number): Iterable<Uint8Array>;
}

/** Groups are written together as long as about so many items are in them. */
const itemsAtOnce = 512;

/** Cuts a section. What follows `place` is that of {@link ChangeLog.cut}. */
export function cutSection<T extends Tracked, K>(
  place: {
    readonly log: ChangeLog<T, K>;
    readonly range: KeyGroupRange;
    readonly codec: SectionCodec<T, K>;
    /** What it has learned from earlier cuts. */
    readonly size: ChunkSize;
  },
  since: number | undefined,
  followed: boolean,
  rows?: RowMarks,
): SectionCut {
  const { log, range, codec, size } = place;
  size.begin();
  const cut = log.cut(since, followed, rows);
  const groups = range.last - range.first + 1;
  return {
    whole: cut.whole,
    isEmpty: cut.isEmpty,
    groupsAtOnce: Math.max(1, Math.floor(groups * itemsAtOnce / Math.max(1, cut.count))),
    chunks: (groups) => write({ cut, codec, size, range }, groups),
    release: () => cut.release(),
  };
}

/** Items in runs of at most so many. */
export function* inRuns<T, C>(items: readonly T[], most: number, encode: (run: readonly T[]) => C): Iterable<C> {
  for (let from = 0; from < items.length; from += most) yield encode(items.slice(from, from + most));
}

/** A section that is being written. */
interface Writing<T extends Tracked, K> {
  readonly cut: Cut<T, K>;
  readonly codec: SectionCodec<T, K>;
  readonly size: ChunkSize;
  readonly range: KeyGroupRange;
}

function* write<T extends Tracked, K>(writing: Writing<T, K>, groups: KeyGroupRange): Iterable<Uint8Array> {
  const { cut, codec, size, range } = writing;
  const { first, last } = groups;
  const at = { first: first - range.first, last: last - range.first };
  cut.enter(first);
  for (const notes of cut.removed) {
    for (const _ of notes.sort(range)) yield emptyChunk;
    yield* inChunks(writing, notes.of(at), undefined, (items) => codec.encodeRemoved(items));
  }
  const encode = (items: readonly T[], again: boolean) => again ? codec.encodeAgain!(items) : codec.encode(items);
  if (codec.rows !== undefined) yield* codec.rows(groups, cut, cut.rows);
  if (cut.changed === undefined) {
    yield* inChunks(writing, new GroupedItems(groups, codec.items), cut, encode);
  } else {
    for (const { notes, stamps } of cut.changed) {
      for (const _ of notes.sort(range)) yield emptyChunk;
      yield* inChunks(writing, notes.of(at), stamps, encode);
    }
  }
  for (let group = first; group <= last; group++) {
    for (let kept = cut.takeKept(group); kept !== undefined; kept = cut.takeKept(group)) {
      yield* codec.encodeKept(kept, size.count);
    }
  }
  cut.leave(groups);
}

/** So many items are looked at in one step: each may wait for memory, and those changed since the cut are not wanted any more. */
const mostLooks = 1_024;

/** What a step gives that came to nothing. */
export const emptyChunk: Uint8Array = new Uint8Array(0);

/**
 * Items with these stamps, or all, in chunks. An item is looked at and encoded in one step: nothing is remembered from one to
 * the next.
 */
function* inChunks<T extends Tracked, K>(
  { cut, codec, size }: Writing<T, K>,
  items: Items<T>,
  stamps: Stamps | undefined,
  encode: (items: readonly T[], again: boolean) => Uint8Array,
): Iterable<Uint8Array> {
  const seen = stamps === undefined || codec.encodeAgain === undefined ? -1 : cut.encoded;
  const isLive = cut.whole ? codec.isLive : undefined;
  for (;;) {
    const wanted = size.count;
    const batch = new Array<T>(wanted);
    let count = 0;
    let looks = 0;
    let more = true;
    while (more && count < wanted && looks < mostLooks) {
      const most = Math.min(wanted - count, mostLooks - looks);
      const taken = items.take(batch, count, most);
      more = taken === most;
      looks += taken;
      count = stamps === undefined ? count + taken : sift(batch, count, count + taken, stamps, isLive);
    }
    if (looks === 0) return;
    if (count === 0) {
      yield emptyChunk;
    } else {
      const fresh = seen < 0 ? batch : new Array<T>(count);
      const again = seen < 0 ? 0 : part(batch, count, seen, fresh);
      const chunk = again === count ? emptyChunk : encode(shortened(fresh, count - again), false);
      const second = again === 0 ? emptyChunk : encode(shortened(batch, again), true);
      if (count === wanted) size.wrote(chunk.length + second.length); // a part of a chunk says nothing of its size
      if (chunk.length > 0) yield chunk;
      if (second.length > 0) yield second;
    }
    cut.check();
    if (!more) return;
  }
}

/** Leaves items of a batch, from one index to another, that have these stamps and count; gives where they end. */
function sift<T extends Tracked>(
  batch: T[],
  from: number,
  to: number,
  { least, most }: Stamps,
  isLive: ((item: T) => boolean) | undefined,
): number {
  let into = from;
  for (let at = from; at < to; at++) {
    const item = batch[at]!;
    const { stamp } = item;
    if (stamp >= least && stamp <= most && (isLive === undefined || isLive(item))) batch[into++] = item;
  }
  return into;
}

/** Moves items with higher stamps into another array; gives how many are left in the batch. */
function part<T extends Tracked>(batch: T[], count: number, most: number, higher: T[]): number {
  let kept = 0;
  let moved = 0;
  for (let at = 0; at < count; at++) {
    const item = batch[at]!;
    if (item.stamp <= most) batch[kept++] = item;
    else higher[moved++] = item;
  }
  return kept;
}

function shortened<T>(items: readonly T[], count: number): readonly T[] {
  return items.length === count ? items : items.slice(0, count);
}
