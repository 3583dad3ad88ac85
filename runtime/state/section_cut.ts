import type { KeyGroupRange } from "../graph/operator.ts";
import type { ChangeLog, Tracked } from "./changes.ts";
import { ChunkSize } from "./chunk_size.ts";
import type { Cut, Segment } from "./cut.ts";

/** A section as of one moment, to be written group by group, in order, while it goes on changing. */
export interface SectionCut {
  /** Whether it stands alone; else it says what has changed since the base. */
  readonly whole: boolean;
  /** The content of a group, in bounded pieces of work. */
  chunks(group: number): Iterable<Uint8Array>;
  /** Nothing of it will be asked for any more. */
  release(): void;
}

/** How a section of tracked items shows itself to the writer. */
export interface SectionCodec<T, K> {
  /** The items of a group, in order. Read on while the section changes: see {@link present}. */
  items(group: number): Iterable<T>;
  encode(items: readonly T[]): Uint8Array;
  /** Items that are gone since the base; always before the others of their group. */
  encodeRemoved(items: readonly T[]): Uint8Array;
  encodeKept(kept: readonly K[]): Uint8Array;
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
    chunks: (group) => write(cut, codec, group, group - range.first, size),
    release: () => cut.release(),
  };
}

/** The values of a `Map` that are there now; a walk over it does not go on for ever while others are inserted. */
export function* present<V>(items: ReadonlyMap<unknown, V>): Iterable<V> {
  let left = items.size;
  if (left === 0) return;
  for (const item of items.values()) {
    yield item;
    if (--left === 0) return;
  }
}

function* write<T extends Tracked, K>(
  cut: Cut<T, K>,
  codec: SectionCodec<T, K>,
  group: number,
  at: number,
  size: ChunkSize,
): Iterable<Uint8Array> {
  cut.enter(group);
  if (cut.segments === undefined) {
    yield* inChunks(cut, held(cut, codec.items(group)), codec, size);
  } else {
    for (const { removed } of cut.segments) {
      const gone = removed[at] ?? [];
      for (let from = 0; from < gone.length; from += size.count) yield codec.encodeRemoved(gone.slice(from, from + size.count));
    }
    for (const segment of cut.segments) yield* inChunks(cut, noted(cut, segment, at), codec, size);
  }
  for (let kept = cut.takeKept(group, size.count); kept !== undefined; kept = cut.takeKept(group, size.count)) {
    yield codec.encodeKept(kept);
  }
  cut.leave(group);
}

/** Items in chunks. An item is looked at and encoded in one step: nothing is remembered from one to the next. */
function* inChunks<T extends Tracked, K>(
  cut: Cut<T, K>,
  items: Iterable<T>,
  codec: SectionCodec<T, K>,
  size: ChunkSize,
): Iterable<Uint8Array> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size.count) continue;
    const chunk = codec.encode(batch);
    batch = [];
    size.wrote(chunk.length);
    yield chunk;
    cut.check();
  }
  if (batch.length > 0) yield codec.encode(batch);
}

/** What is as it was at the cut. */
function* held<T extends Tracked, K>(cut: Cut<T, K>, items: Iterable<T>): Iterable<T> {
  for (const item of items) if (cut.holds(item)) yield item;
}

/** What was last touched in that epoch, and so is to be written with its notes. */
function* noted<T extends Tracked, K>(cut: Cut<T, K>, segment: Segment<T>, at: number): Iterable<T> {
  for (const item of segment.changed[at] ?? []) if (cut.writes(item, segment)) yield item;
}
