import type { KeyGroupRange } from "../graph/operator.ts";
import type { ChangeLog, Tracked } from "./changes.ts";
import { ChunkSize } from "./chunk_size.ts";
import type { Cut } from "./cut.ts";

/** A section as of one moment, to be written group by group, in order, while it goes on changing. */
export interface SectionCut {
  /** Whether it stands alone; else it says what has changed since the base. */
  readonly whole: boolean;
  /** Whether it is known that no group has anything to write. */
  readonly isEmpty: boolean;
  /** The content of a group, in bounded pieces of work; one that came to nothing gives an empty chunk. */
  chunks(group: number): Iterable<Uint8Array>;
  /** Nothing of it will be asked for any more. */
  release(): void;
}

/** How a section of tracked items shows itself to the writer. */
export interface SectionCodec<T, K> {
  /** The items of a group, in order. Read on while the section changes: see {@link present}. */
  items(group: number): Iterable<T>;
  /** Whether an item still counts. @default all do */
  isLive?: (item: T) => boolean;
  encode(items: readonly T[]): Uint8Array;
  /** Items that are gone since the base; always before the others of their group. */
  encodeRemoved(items: readonly T[]): Uint8Array;
  /** In chunks of about so many items. */
  encodeKept(kept: readonly K[], most: number): Iterable<Uint8Array>;
}

/** Cuts a section. `since` and `followed` are those of {@link ChangeLog.cut}; `most` is how many items a chunk holds at most. */
export function cutSection<T extends Tracked, K>(
  place: {
    readonly log: ChangeLog<T, K>;
    readonly range: KeyGroupRange;
    readonly codec: SectionCodec<T, K>;
    readonly most: number;
  },
  since: number | undefined,
  followed: boolean,
): SectionCut {
  const { log, range, codec, most } = place;
  const cut = log.cut(since, followed);
  const size = new ChunkSize(most);
  return {
    whole: cut.segments === undefined,
    isEmpty: cut.segments === undefined ? log.isEmpty : cut.segments.every(({ count }) => count === 0),
    chunks: (group) => write(cut, codec, group, group - range.first, size),
    release: () => cut.release(),
  };
}

/** The values of a `Map` that are there now; a walk over it does not go on for ever while others are inserted. */
export function present<V>(items: ReadonlyMap<unknown, V>): Iterable<V> {
  return new Present(items);
}

/** By hand, as a generator between the map and the loop costs as much as what the loop does. */
class Present<V> implements IterableIterator<V> {
  private left: number;
  private readonly values: Iterator<V>;

  constructor(items: ReadonlyMap<unknown, V>) {
    this.left = items.size;
    this.values = items.values();
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<V> {
    return this.left-- > 0 ? this.values.next() : { done: true, value: undefined };
  }
}

/** Items in runs of at most so many. */
export function* inRuns<T, C>(items: readonly T[], most: number, encode: (run: readonly T[]) => C): Iterable<C> {
  for (let from = 0; from < items.length; from += most) yield encode(items.slice(from, from + most));
}

function* write<T extends Tracked, K>(
  cut: Cut<T, K>,
  codec: SectionCodec<T, K>,
  group: number,
  at: number,
  size: ChunkSize,
): Iterable<Uint8Array> {
  cut.enter(group);
  const { segments } = cut;
  if (segments === undefined) {
    const { isLive } = codec;
    const wanted = isLive === undefined ? (item: T) => cut.holds(item) : (item: T) => cut.holds(item) && isLive(item);
    yield* inChunks(cut, codec.items(group), wanted, codec, size);
  } else {
    for (const { removed } of segments) yield* inRuns(removed[at] ?? [], size.count, (items) => codec.encodeRemoved(items));
    for (const segment of segments) {
      yield* inChunks(cut, segment.changed[at] ?? [], (item) => cut.writes(item, segment), codec, size);
    }
  }
  for (let kept = cut.takeKept(group); kept !== undefined; kept = cut.takeKept(group)) {
    yield* codec.encodeKept(kept, size.count);
  }
  cut.leave(group);
}

/** So many items are looked at in one step: each may wait for memory, and those changed since the cut are not wanted any more. */
const mostLooks = 1_024;

/** What a step gives that came to nothing. */
export const emptyChunk: Uint8Array = new Uint8Array(0);

/** Wanted items in chunks. An item is looked at and encoded in one step: nothing is remembered from one to the next. */
function* inChunks<T extends Tracked, K>(
  cut: Cut<T, K>,
  items: Iterable<T>,
  wanted: (item: T) => boolean,
  codec: SectionCodec<T, K>,
  size: ChunkSize,
): Iterable<Uint8Array> {
  let batch: T[] = [];
  let looks = 0;
  for (const item of items) {
    looks++;
    if (wanted(item)) batch.push(item);
    const full = batch.length >= size.count;
    if (!full && looks < mostLooks) continue;
    const chunk = batch.length === 0 ? emptyChunk : codec.encode(batch);
    if (full) size.wrote(chunk.length); // a part of a chunk says nothing of its size
    batch = [];
    looks = 0;
    yield chunk;
    cut.check();
  }
  if (batch.length > 0) yield codec.encode(batch);
}
