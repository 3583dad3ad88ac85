import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { type Key, type KeyIdentity, keyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChangeLog, type Tracked } from "./changes.ts";
import { IteratedItems, present } from "./items.ts";
import { ChunkSize } from "./chunk_size.ts";
import { damaged, encodeChunk, encodeColumns, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { placeOf } from "./place.ts";
import { cutSection, inRuns, type SectionCodec, type SectionCut } from "./section_cut.ts";

/** What a window holds for one key. */
export class WindowEntry implements Tracked {
  readonly end: number;
  readonly key: Key;
  value: unknown;
  stamp = 0;
  /** Place in the order of insertion into the table. */
  readonly order: number;

  constructor(end: number, key: Key, value: unknown, order: number) {
    this.end = end;
    this.key = key;
    this.value = value;
    this.order = order;
  }
}

/** What a window held for a key, taken out to be fired. */
export interface FiredEntry {
  readonly end: number;
  readonly group: number;
  readonly entry: WindowEntry;
}

/**
 * Keyed state in windows: one entry per key and window. Windows are told apart by their end.
 *
 * Entries leave it in a fixed order: by end of window, then key group, then insertion; snapshots keep it, also over a rescale.
 */
export interface WindowTable {
  /** The entry of a key in the window that ends at `end`; its value may be changed until the next call. */
  find(end: number, group: number, identity: KeyIdentity): WindowEntry | undefined;
  /** Adds an entry; there must be none. */
  insert(end: number, group: number, identity: KeyIdentity, key: Key, value: unknown): void;
  /** The end of the first window that has an entry; `Infinity` without one. */
  earliest(): number;
  /** Takes the first entry out. There must be one. */
  take(): FiredEntry;
  /** How many entries there are. */
  readonly size: number;
}

type Keys = Map<KeyIdentity, WindowEntry>;

/** One window: its entries by key group. */
class Pane {
  readonly end: number;
  readonly groups: (Keys | undefined)[];
  size = 0;
  /** Firing: the group it has come to, and where in it. */
  group = 0;
  walk: Iterator<[KeyIdentity, WindowEntry]> | undefined = undefined;

  constructor(end: number, groups: number) {
    this.end = end;
    this.groups = new Array<Keys | undefined>(groups).fill(undefined);
  }
}

/** How many entries one chunk of a snapshot holds at most. */
const entriesPerChunk = 512;

/** A {@link WindowTable} on the heap: a window is a `Map` per key group, so firing one costs nothing per open window. */
export class HeapWindowTable implements WindowTable, KeyedSection {
  readonly name: string;
  readonly kind = "window";
  readonly description: string;
  private readonly first: number;
  private readonly panes = new Map<number, Pane>();
  /** The pane last used: most records go where the one before went. */
  private last: Pane | undefined = undefined;
  /** Ends of all panes, ascending. */
  readonly #ends: number[] = [];
  private readonly changes: ChangeLog<WindowEntry, Uint8Array>;
  readonly #uid: string;
  readonly #range: KeyGroupRange;
  readonly #codec: SectionCodec<WindowEntry, Uint8Array>;
  readonly #size = new ChunkSize(entriesPerChunk);
  readonly #groupCount: number;
  #order = 0;

  constructor(uid: string, name: string, description: string, range: KeyGroupRange) {
    this.name = name;
    this.description = description;
    this.first = range.first;
    this.#uid = uid;
    this.#range = range;
    this.#groupCount = range.last - range.first + 1;
    this.changes = new ChangeLog(range, (entry, _, kept) => kept.push(this.#encode([entry])), () => this.size);
    this.#codec = {
      items: (group) => new IteratedItems(this.#entriesOf(group)),
      encode: (entries) => this.#encode(entries),
      encodeRemoved: (entries) => encodeColumns([entries.map(({ end }) => end), entries.map(({ key }) => key)], this.name),
      encodeKept: (kept, most) => inRuns(kept, most, (run) => encodeChunk(run, this.name)),
    };
  }

  get size(): number {
    let size = 0;
    for (const pane of this.panes.values()) size += pane.size;
    return size;
  }

  find(end: number, group: number, identity: KeyIdentity): WindowEntry | undefined {
    let pane = this.last;
    if (pane === undefined || pane.end !== end) {
      pane = this.panes.get(end);
      if (pane === undefined) return undefined;
      this.last = pane;
    }
    const entry = pane.groups[group - this.first]?.get(identity);
    if (entry !== undefined && entry.stamp < this.changes.stamp) this.changes.changing(entry, group);
    return entry;
  }

  insert(end: number, group: number, identity: KeyIdentity, key: Key, value: unknown): void {
    const entry = new WindowEntry(end, key, value, this.#order++);
    this.changes.made(entry, group);
    const pane = this.panes.get(end) ?? this.#open(end);
    const keys = pane.groups[group - this.first] ??= new Map<KeyIdentity, WindowEntry>();
    keys.set(identity, entry);
    pane.size++;
    pane.group = 0;
    pane.walk = undefined;
  }

  earliest(): number {
    const end = this.#ends[0];
    return end === undefined ? Infinity : end;
  }

  take(): FiredEntry {
    const pane = this.panes.get(this.earliest());
    if (pane === undefined) throw new RangeError(`operator ${this.#uid} has no window to fire`);
    for (;;) {
      const keys = pane.groups[pane.group];
      // One walk goes on over all entries of a group: starting anew would step over every deleted one.
      const next = keys === undefined ? undefined : (pane.walk ??= keys.entries()).next();
      if (keys === undefined || next === undefined || next.done === true) {
        pane.groups[pane.group] = undefined;
        pane.group++;
        pane.walk = undefined;
        continue;
      }
      const [identity, entry] = next.value;
      this.changes.removing(entry, this.first + pane.group);
      const fired = { end: pane.end, group: this.first + pane.group, entry };
      keys.delete(identity);
      if (--pane.size === 0) this.#close(pane);
      return fired;
    }
  }

  cut(since: number | undefined, followed: boolean): SectionCut {
    const place = { log: this.changes, range: this.#range, codec: this.#codec, size: this.#size };
    return cutSection(place, since, followed);
  }

  isAsAt(stamp: number): boolean {
    return this.changes.isAsAt(stamp);
  }

  based(stamp: number): void {
    this.changes.based(stamp);
  }

  accept(stored: SectionHeader): SectionLoader {
    if (stored.description !== this.description) {
      throw new SluiceError(
        "STATE_MISMATCH",
        `the windows of operator ${this.#uid} are ${this.description}, but ${stored.description} in the snapshot; set them ` +
          `back, give the operator another uid, or start without this checkpoint`,
      );
    }
    return (groupOf, chunk) => {
      const [ends, keys, values, orders] = this.#columns(chunk);
      for (let index = 0; index < keys.length; index++) {
        const end = ends[index]!;
        const key = keys[index]!;
        const group = groupOf(key);
        if (group < 0) continue;
        if (values === undefined || orders === undefined) this.#unload(end, group, keyIdentity(key));
        else this.#load(group, keyIdentity(key), new WindowEntry(end, key, values[index], orders[index]!));
      }
    };
  }

  /** Entries were loaded in any order; within a group, all orders are of one old subtask. */
  restored(): void {
    for (const pane of this.panes.values()) {
      for (const [at, keys] of pane.groups.entries()) {
        if (keys !== undefined) pane.groups[at] = new Map([...keys].sort(([, a], [, b]) => a.order - b.order));
      }
    }
  }

  #load(group: number, identity: KeyIdentity, entry: WindowEntry): void {
    const pane = this.panes.get(entry.end) ?? this.#open(entry.end);
    const keys = pane.groups[group - this.first] ??= new Map<KeyIdentity, WindowEntry>();
    if (!keys.has(identity)) pane.size++;
    keys.set(identity, entry);
    this.#order = Math.max(this.#order, entry.order + 1);
  }

  #unload(end: number, group: number, identity: KeyIdentity): void {
    const pane = this.panes.get(end);
    if (pane === undefined || pane.groups[group - this.first]?.delete(identity) !== true) return;
    if (--pane.size === 0) this.#close(pane);
  }

  *#entriesOf(group: number): Iterable<WindowEntry> {
    for (const end of [...this.#ends]) {
      const keys = this.panes.get(end)?.groups[group - this.first];
      if (keys !== undefined) yield* present(keys);
    }
  }

  #columns(chunk: unknown): [readonly number[], readonly Key[], (readonly unknown[])?, (readonly number[])?] {
    const columns = Array.isArray(chunk) ? chunk as readonly unknown[][] : [];
    if (![2, 4].includes(columns.length) || columns.some((column) => column?.length !== columns[0]?.length)) {
      throw damaged(`the windows of operator ${this.#uid}`, "a chunk is neither of two columns nor of four");
    }
    return columns as never;
  }

  #encode(entries: readonly WindowEntry[]): Uint8Array {
    const columns = [
      entries.map(({ end }) => end),
      entries.map(({ key }) => key),
      entries.map(({ value }) => value),
      entries.map(({ order }) => order),
    ];
    try {
      return encodeColumns(columns, this.name);
    } catch (error) {
      // Which entry it was shows only one by one.
      for (const { key, value } of entries) encodeValue(value, placeOf(this.#uid, "of its windows", key));
      throw error;
    }
  }

  #open(end: number): Pane {
    const pane = new Pane(end, this.#groupCount);
    this.panes.set(end, pane);
    let place = this.#ends.length;
    while (place > 0 && this.#ends[place - 1]! > end) place--;
    this.#ends.splice(place, 0, end);
    return pane;
  }

  #close(pane: Pane): void {
    this.panes.delete(pane.end);
    this.#ends.splice(this.#ends.indexOf(pane.end), 1);
    if (this.last === pane) this.last = undefined;
  }
}
