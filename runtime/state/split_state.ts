import type { Immutable, ListState } from "./handle.ts";
import type { Invocation } from "./invocation.ts";
import type { MutationGuard } from "./mutation_guard.ts";

/** Where the items of a split state live between invocations. */
export class SplitCell {
  content: unknown[] = [];
  /** Whether somebody outside holds the array: it must not change any more. */
  shared = false;
  readonly where: string;
  readonly guard: MutationGuard | undefined;

  constructor(where: string, guard: MutationGuard | undefined) {
    this.where = where;
    this.guard = guard;
  }
}

/** The handle of a `split` state. An array that was handed out is copied before the next change. */
export class SplitState<T> implements ListState<T> {
  private readonly cell: SplitCell;
  private readonly invocation: Invocation;

  constructor(cell: SplitCell, invocation: Invocation) {
    this.cell = cell;
    this.invocation = invocation;
  }

  get(): readonly Immutable<T>[] {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    const { cell } = this;
    cell.shared = true;
    if (cell.guard !== undefined) cell.guard.handOut(cell.content, cell.where);
    return cell.content as Immutable<T>[];
  }

  add(item: Immutable<T>): void {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    const { cell } = this;
    if (cell.shared) {
      cell.content = cell.content.slice();
      cell.shared = false;
    }
    cell.content.push(item);
    if (cell.guard !== undefined) cell.guard.watch(item, cell.where);
  }

  set(items: readonly Immutable<T>[]): void {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    this.cell.content = items.slice();
    this.cell.shared = false;
    if (this.cell.guard === undefined) return;
    for (const item of items) this.cell.guard.watch(item, this.cell.where);
  }

  clear(): void {
    this.set([]);
  }
}
