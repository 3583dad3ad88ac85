import { type Key, type KeyIdentity, keyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChangeLog, type Tracked } from "./changes.ts";
import { ChunkSize } from "./chunk_size.ts";
import { damaged, encodeColumns, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { IteratedItems, present } from "./items.ts";
import { cutSection, inRuns, type SectionCodec, type SectionCut } from "./section_cut.ts";

/** A timer of a key. */
export interface KeyedTimer {
  /** When it is due, in milliseconds. */
  readonly at: number;
  /** Tells apart timers of one key that are due at the same time. */
  readonly name: string | undefined;
  readonly key: Key;
  readonly identity: KeyIdentity;
  readonly group: number;
}

class Node implements KeyedTimer, Tracked {
  readonly at: number;
  readonly name: string | undefined;
  readonly key: Key;
  readonly identity: KeyIdentity;
  readonly group: number;
  /** Place in the order of insertion. */
  order: number;
  stamp = 0;
  /** Index in the heap. */
  place = -1;
  /** The next timer of the same key and time, under another name. */
  sibling: Node | undefined = undefined;

  constructor(at: number, name: string | undefined, key: Key, identity: KeyIdentity, group: number, order: number) {
    this.at = at;
    this.name = name;
    this.key = key;
    this.identity = identity;
    this.group = group;
    this.order = order;
  }
}

/** The timers of one key: most keys have one; the others are found by time. */
type OfKey = Node | Map<number, Node>;

/** How many timers one chunk of a snapshot holds at most. */
const timersPerChunk = 1_024;

/**
 * Timers of keys, of one time domain. Keyed state: they are in snapshots by key group.
 *
 * - **Once:** setting a timer again with the same key, name and time does nothing.
 * - **Order:** by time, then by insertion; a snapshot keeps the order. After a rescale, timers of different old subtasks that are
 *   due at the same time stand in an order that depends on nothing but the snapshot.
 * - **Cost:** setting, firing and cancelling take logarithmic time, telling whether one exists constant time.
 */
export class KeyedTimers implements KeyedSection {
  readonly name: string;
  readonly kind = "timers";
  readonly description = "";
  readonly #uid: string;
  readonly #first: number;
  readonly #groups: readonly Map<KeyIdentity, OfKey>[];
  readonly #range: KeyGroupRange;
  readonly #codec: SectionCodec<Node, Node>;
  readonly #size = new ChunkSize(timersPerChunk);
  /** A timer never changes: kept is the timer itself. */
  readonly #changes: ChangeLog<Node, Node>;
  #heap: Node[] = [];
  #order = 0;

  /** @param name what the timers are called in snapshots; names with `~` cannot be those of states */
  constructor(uid: string, name: string, range: KeyGroupRange) {
    this.name = name;
    this.#uid = uid;
    this.#first = range.first;
    this.#range = range;
    this.#changes = new ChangeLog(range, (node, _, kept) => kept.push(node), () => this.size);
    this.#codec = {
      items: (group) => new IteratedItems(this.#nodesOf(group)),
      encode: (nodes) => this.#encode(nodes),
      encodeRemoved: (nodes) => this.#encodeRemoved(nodes),
      encodeKept: (nodes, most) => inRuns(nodes, most, (run) => this.#encode(run)),
    };
    this.#groups = Array.from({ length: range.last - range.first + 1 }, () => new Map<KeyIdentity, OfKey>());
  }

  get size(): number {
    return this.#heap.length;
  }

  /** When the first timer is due; `Infinity` without one. */
  next(): number {
    const first = this.#heap[0];
    return first === undefined ? Infinity : first.at;
  }

  /** Sets a timer; false when there was one already. */
  add(at: number, name: string | undefined, key: Key, identity: KeyIdentity, group: number): boolean {
    const keys = this.#groups[group - this.#first]!;
    const ofKey = keys.get(identity);
    const head = find(ofKey, at);
    for (let node = head; node !== undefined; node = node.sibling) if (node.name === name) return false;
    const node = new Node(at, name, key, identity, group, this.#order++);
    this.#changes.made(node, group);
    if (head !== undefined) {
      node.sibling = head.sibling;
      head.sibling = node;
    } else if (ofKey === undefined) {
      keys.set(identity, node);
    } else if (ofKey instanceof Node) {
      keys.set(identity, new Map([[ofKey.at, ofKey], [at, node]]));
    } else {
      ofKey.set(at, node);
    }
    this.#heap.push(node);
    this.#rise(node, this.#heap.length - 1);
    return true;
  }

  /** Takes a timer back; false when there was none. */
  cancel(at: number, name: string | undefined, identity: KeyIdentity, group: number): boolean {
    let node = find(this.#groups[group - this.#first]!.get(identity), at);
    while (node !== undefined && node.name !== name) node = node.sibling;
    if (node === undefined) return false;
    this.#remove(node);
    return true;
  }

  /** Takes the first timer out, to be fired. There must be one. */
  take(): KeyedTimer {
    const first = this.#heap[0];
    if (first === undefined) throw new RangeError(`operator ${this.#uid} has no timer to fire`);
    this.#remove(first);
    return first;
  }

  cut(since: number | undefined, followed: boolean): SectionCut {
    const place = { log: this.#changes, range: this.#range, codec: this.#codec, size: this.#size };
    return cutSection(place, since, followed);
  }

  isAsAt(stamp: number): boolean {
    return this.#changes.isAsAt(stamp);
  }

  based(stamp: number): void {
    this.#changes.based(stamp);
  }

  accept(_stored: SectionHeader): SectionLoader {
    return (groupOf, chunk) => {
      const [keys, ats, names, orders] = this.#columns(chunk);
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index]!;
        const group = groupOf(key);
        if (group < 0) continue;
        if (orders === undefined) {
          this.cancel(ats[index]!, names[index], keyIdentity(key), group);
        } else {
          this.#order = orders[index]!;
          this.add(ats[index]!, names[index], key, keyIdentity(key), group);
        }
      }
    };
  }

  /** Orders of several old subtasks are made one. */
  restored(): void {
    // Sorting is stable: ties are in the order of the parts.
    const nodes = this.#heap.sort((a, b) => a.at - b.at || a.order - b.order);
    this.#order = 0;
    for (const node of nodes) {
      node.place = node.order = this.#order++; // a sorted array is a heap
    }
  }

  *#nodesOf(group: number): Iterable<Node> {
    for (const ofKey of present(this.#groups[group - this.#first]!)) {
      if (ofKey instanceof Node) {
        yield* siblings(ofKey);
      } else {
        for (const head of present(ofKey)) yield* siblings(head);
      }
    }
  }

  #encode(nodes: readonly Node[]): Uint8Array {
    return encodeColumns([...identifying(nodes), nodes.map((node) => node.order)], `timers of operator ${this.#uid}`);
  }

  #encodeRemoved(nodes: readonly Node[]): Uint8Array {
    return encodeColumns(identifying(nodes), `timers of operator ${this.#uid}`);
  }

  #columns(chunk: unknown): [readonly Key[], readonly number[], readonly (string | undefined)[], readonly number[] | undefined] {
    const columns = Array.isArray(chunk) ? chunk as readonly unknown[][] : [];
    if (columns.length < 3 || columns.length > 4 || columns.some((column) => column?.length !== columns[0]?.length)) {
      throw damaged(`the timers of operator ${this.#uid}`, "a chunk is neither of three columns nor of four");
    }
    return columns as never;
  }

  #remove(node: Node): void {
    this.#changes.removing(node, node.group);
    this.#unlink(node);
    const hole = node.place;
    node.place = -1;
    const last = this.#heap.pop()!;
    if (last === node) return;
    this.#rise(last, hole);
    this.#sink(last, last.place);
  }

  /** Takes the node out of the timers of its key. */
  #unlink(node: Node): void {
    const keys = this.#groups[node.group - this.#first]!;
    const ofKey = keys.get(node.identity)!;
    const head = find(ofKey, node.at)!;
    if (head !== node) {
      let before = head;
      while (before.sibling !== node) before = before.sibling!;
      before.sibling = node.sibling;
    } else if (ofKey instanceof Node) {
      if (node.sibling === undefined) keys.delete(node.identity);
      else keys.set(node.identity, node.sibling);
    } else if (node.sibling !== undefined) {
      ofKey.set(node.at, node.sibling);
    } else {
      ofKey.delete(node.at);
      if (ofKey.size === 0) keys.delete(node.identity);
    }
    node.sibling = undefined;
  }

  #rise(node: Node, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const parent = heap[(place - 1) >> 1]!;
      if (!isBefore(node, parent)) break;
      heap[place] = parent;
      parent.place = place;
      place = (place - 1) >> 1;
    }
    heap[place] = node;
    node.place = place;
  }

  #sink(node: Node, from: number): void {
    const heap = this.#heap;
    let place = from;
    for (;;) {
      const left = heap[2 * place + 1];
      if (left === undefined) break;
      const right = heap[2 * place + 2];
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, node)) break;
      const next = child.place;
      heap[place] = child;
      child.place = place;
      place = next;
    }
    heap[place] = node;
    node.place = place;
  }
}

function find(ofKey: OfKey | undefined, at: number): Node | undefined {
  if (ofKey === undefined) return undefined;
  if (ofKey instanceof Node) return ofKey.at === at ? ofKey : undefined;
  return ofKey.get(at);
}

/** A timer, and those of the same key and time: few, and all at once, as the chain may change before the next step. */
function siblings(head: Node): readonly Node[] {
  const nodes: Node[] = [];
  for (let node: Node | undefined = head; node !== undefined; node = node.sibling) nodes.push(node);
  return nodes;
}

/** What tells timers apart, in columns. */
function identifying(nodes: readonly Node[]): readonly (readonly unknown[])[] {
  return [nodes.map((node) => node.key), nodes.map((node) => node.at), nodes.map((node) => node.name)];
}

function isBefore(a: Node, b: Node): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
