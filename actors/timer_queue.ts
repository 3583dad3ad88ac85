import type { Timer } from "./clock.ts";

/** A timer in the queue. `at` is its place in the heap, or -1 once it has fired or was cancelled. */
class Entry implements Timer {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
  readonly #queue: TimerQueue;
  at = -1;

  constructor(due: number, order: number, fire: () => void, queue: TimerQueue) {
    this.due = due;
    this.order = order;
    this.fire = fire;
    this.#queue = queue;
  }

  cancel(): void {
    this.#queue.remove(this);
  }
}

/**
 * Timers ordered by due time, ties in the order they were set: a binary heap whose entries know their place, so that a
 * cancelled timer is gone at once and leaves nothing behind. What "due" counts in is the caller's affair.
 */
export class TimerQueue {
  readonly #heap: Entry[] = [];
  readonly #emptied: () => void;
  #order = 0;

  /** `emptied` is called when the last timer is cancelled. */
  constructor(emptied: () => void = () => {}) {
    this.#emptied = emptied;
  }

  /** How many timers wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** The due time of the first timer, `undefined` when there is none. */
  get nextDue(): number | undefined {
    return this.#heap[0]?.due;
  }

  add(due: number, fire: () => void): Timer {
    const entry = new Entry(due, this.#order++, fire, this);
    this.#heap.push(entry);
    this.#rise(entry, this.#heap.length - 1);
    return entry;
  }

  /** Takes the first timer if it is due, and returns what it fires. */
  takeDue(now: number): (() => void) | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > now) return undefined;
    this.#unlink(first);
    return first.fire;
  }

  /** Takes a timer out; one that is not there is not an error. */
  remove(entry: Entry): void {
    if (entry.at < 0) return;
    this.#unlink(entry);
    if (this.#heap.length === 0) this.#emptied();
  }

  #unlink(entry: Entry): void {
    const hole = entry.at;
    entry.at = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#rise(last, hole);
    this.#sink(last, last.at);
  }

  #rise(entry: Entry, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = this.#heap[(at - 1) >> 1]!;
      if (!before(entry, parent)) break;
      this.#place(parent, at);
      at = (at - 1) >> 1;
    }
    this.#place(entry, at);
  }

  #sink(entry: Entry, from: number): void {
    let at = from;
    for (;;) {
      const left = this.#heap[2 * at + 1];
      if (left === undefined) break;
      const right = this.#heap[2 * at + 2];
      const child = right !== undefined && before(right, left) ? right : left;
      if (!before(child, entry)) break;
      const next = child.at;
      this.#place(child, at);
      at = next;
    }
    this.#place(entry, at);
  }

  #place(entry: Entry, at: number): void {
    this.#heap[at] = entry;
    entry.at = at;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
