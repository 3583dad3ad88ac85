import type { Immutable, ValueState } from "./handle.ts";
import { notMutable } from "./heap_value.ts";
import { InitialValue } from "./initial_value.ts";
import type { Invocation } from "./invocation.ts";
import type { MutationGuard } from "./mutation_guard.ts";

/** Where a replicated state lives between invocations. */
export class ReplicatedCell {
  content: unknown;
  readonly where: string;
  readonly guard: MutationGuard | undefined;
  readonly #initial: InitialValue;

  constructor(initial: unknown, where: string, guard: MutationGuard | undefined) {
    this.where = where;
    this.guard = guard;
    this.#initial = new InitialValue(initial, where);
    this.content = this.#initial.copy();
  }

  reset(): void {
    this.content = this.#initial.copy();
  }
}

/** The handle of a `replicate` state. */
export class ReplicatedState<T> implements ValueState<T> {
  private readonly cell: ReplicatedCell;
  private readonly invocation: Invocation;

  constructor(cell: ReplicatedCell, invocation: Invocation) {
    this.cell = cell;
    this.invocation = invocation;
  }

  get(): Immutable<T> {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    const { content, guard, where } = this.cell;
    if (guard !== undefined) guard.handOut(content, where);
    return content as Immutable<T>;
  }

  set(value: Immutable<T>): void {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    this.cell.content = value;
    if (this.cell.guard !== undefined) this.cell.guard.watch(value, this.cell.where);
  }

  mutate<R>(fn: (value: T) => R): R {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    const { content, guard, where } = this.cell;
    if (typeof content !== "object" || content === null) throw notMutable(where);
    const result = fn(content as T);
    if (guard !== undefined) guard.watch(content, where);
    return result;
  }

  clear(): void {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    this.cell.reset();
  }
}
