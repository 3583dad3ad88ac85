import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { type Key, type KeyIdentity, keyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { Entry } from "./heap_table.ts";
import { damaged, encodeChunk, type KeyedSection, type SectionHeader } from "./keyed_part.ts";
import { placeOf } from "./place.ts";

/** What a window held for a key, taken out to be fired. */
export interface FiredEntry {
  readonly end: number;
  readonly group: number;
  readonly entry: Entry;
}

/**
 * Keyed state in windows: one entry per key and window. Windows are told apart by their end.
 *
 * Entries leave it in a fixed order: by end of window, then key group, then insertion; snapshots keep it, also over a rescale.
 */
export interface WindowTable {
  /** The entry of a key in the window that ends at `end`. */
  find(end: number, group: number, identity: KeyIdentity): Entry | undefined;
  /** Adds an entry; there must be none. */
  insert(end: number, group: number, identity: KeyIdentity, key: Key, value: unknown): void;
  /** The end of the first window that has an entry; `Infinity` without one. */
  earliest(): number;
  /** Takes the first entry out. There must be one. */
  take(): FiredEntry;
  /** How many entries there are. */
  readonly size: number;
}

type Keys = Map<KeyIdentity, Entry>;

/** One window: its entries by key group. */
class Pane {
  readonly end: number;
  readonly groups: (Keys | undefined)[];
  size = 0;
  /** Firing: the group it has come to, and where in it. */
  group = 0;
  walk: Iterator<[KeyIdentity, Entry]> | undefined = undefined;

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
  readonly #uid: string;
  readonly #groupCount: number;

  constructor(uid: string, name: string, description: string, range: KeyGroupRange) {
    this.name = name;
    this.description = description;
    this.first = range.first;
    this.#uid = uid;
    this.#groupCount = range.last - range.first + 1;
  }

  get size(): number {
    let size = 0;
    for (const pane of this.panes.values()) size += pane.size;
    return size;
  }

  find(end: number, group: number, identity: KeyIdentity): Entry | undefined {
    let pane = this.last;
    if (pane === undefined || pane.end !== end) {
      pane = this.panes.get(end);
      if (pane === undefined) return undefined;
      this.last = pane;
    }
    return pane.groups[group - this.first]?.get(identity);
  }

  insert(end: number, group: number, identity: KeyIdentity, key: Key, value: unknown): void {
    const pane = this.panes.get(end) ?? this.#open(end);
    const keys = pane.groups[group - this.first] ??= new Map<KeyIdentity, Entry>();
    keys.set(identity, new Entry(key, value));
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
      const fired = { end: pane.end, group: this.first + pane.group, entry };
      keys.delete(identity);
      if (--pane.size === 0) this.#close(pane);
      return fired;
    }
  }

  *chunks(group: number): Iterable<Uint8Array> {
    let ends: number[] = [];
    let entries: Entry[] = [];
    for (const end of this.#ends) {
      for (const entry of this.panes.get(end)!.groups[group - this.first]?.values() ?? []) {
        ends.push(end);
        entries.push(entry);
        if (entries.length < entriesPerChunk) continue;
        yield this.#encode(ends, entries);
        ends = [];
        entries = [];
      }
    }
    if (entries.length > 0) yield this.#encode(ends, entries);
  }

  accept(stored: SectionHeader): (group: number, chunk: unknown) => void {
    if (stored.description !== this.description) {
      throw new SluiceError(
        "STATE_MISMATCH",
        `the windows of operator ${this.#uid} are ${this.description}, but ${stored.description} in the snapshot; set them ` +
          `back, give the operator another uid, or start without this checkpoint`,
      );
    }
    return (group, chunk) => {
      const [ends, keys, values] = this.#columns(chunk);
      for (let index = 0; index < keys.length; index++) {
        this.insert(ends[index]!, group, keyIdentity(keys[index]!), keys[index]!, values[index]);
      }
    };
  }

  restored(): void {}

  #columns(chunk: unknown): [readonly number[], readonly Key[], readonly unknown[]] {
    if (!Array.isArray(chunk) || chunk.length !== 3 || chunk.some((column) => column?.length !== chunk[0].length)) {
      throw damaged(`the windows of operator ${this.#uid}`, "a chunk is not of three columns");
    }
    return chunk as [readonly number[], readonly Key[], readonly unknown[]];
  }

  #encode(ends: readonly number[], entries: readonly Entry[]): Uint8Array {
    try {
      return encodeChunk([ends, entries.map((entry) => entry.key), entries.map((entry) => entry.value)], this.name);
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
    this.#ends.shift();
    if (this.last === pane) this.last = undefined;
  }
}
