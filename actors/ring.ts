/** A queue that grows by doubling and reuses its places: no allocation per element once it has found its size. */
export class Ring<T> {
  private items: (T | undefined)[] = new Array<T | undefined>(8).fill(undefined);
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(item: T): void {
    if (this.count === this.items.length) this.grow();
    this.items[(this.head + this.count) & (this.items.length - 1)] = item;
    this.count++;
  }

  unshift(item: T): void {
    if (this.count === this.items.length) this.grow();
    this.head = (this.head - 1) & (this.items.length - 1);
    this.items[this.head] = item;
    this.count++;
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.count--;
    return item;
  }

  /** Takes the element at `index`, 0 being the first; the others keep their order. For simulation: it moves what lies before. */
  takeAt(index: number): T | undefined {
    if (index <= 0 || index >= this.count) return this.shift();
    const mask = this.items.length - 1;
    const item = this.items[(this.head + index) & mask];
    for (let i = index; i > 0; i--) this.items[(this.head + i) & mask] = this.items[(this.head + i - 1) & mask];
    this.shift();
    return item;
  }

  /** Takes everything. */
  drain(): T[] {
    const all: T[] = [];
    while (this.count > 0) all.push(this.shift() as T);
    this.items = new Array<T | undefined>(8).fill(undefined);
    this.head = 0;
    return all;
  }

  private grow(): void {
    const size = this.items.length;
    const items = new Array<T | undefined>(size * 2).fill(undefined);
    for (let i = 0; i < size; i++) items[i] = this.items[(this.head + i) & (size - 1)];
    this.items = items;
    this.head = 0;
  }
}
