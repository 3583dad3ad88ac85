import { SluiceError } from "../../actors/error.ts";
import type { Immutable, ValueState } from "./handle.ts";
import { type HandledState, HeapHandle } from "./heap_handle.ts";
import type { InitialValue } from "./initial_value.ts";
import type { Invocation } from "./invocation.ts";

/** A {@link ValueState} on the heap. */
export class HeapValueState<T> extends HeapHandle implements ValueState<T> {
  private readonly initial: InitialValue;

  constructor(state: HandledState, initial: InitialValue, invocation: Invocation) {
    super(state, invocation);
    this.initial = initial;
  }

  get(): Immutable<T> {
    if (this.seen !== this.invocation.serial) this.resolve();
    const value = this.entry === undefined ? this.initial.copy() : this.entry.value;
    if (this.changes.writing && this.entry !== undefined) this.handOut(this.entry, value);
    if (this.guard !== undefined) this.guard.handOut(value, this.where());
    return value as Immutable<T>;
  }

  set(value: Immutable<T>): void {
    if (this.seen !== this.invocation.serial) this.resolve();
    if (this.entry !== undefined) {
      this.touch(this.entry);
      this.entry.value = value;
    } else {
      this.store(value);
    }
    if (this.guard !== undefined) this.guard.watch(value, this.where());
  }

  mutate<R>(fn: (value: T) => R): R {
    if (this.seen !== this.invocation.serial) this.resolve();
    const value = this.entry === undefined ? this.initial.copy() : this.entry.value;
    if (typeof value !== "object" || value === null) throw notMutable(this.where());
    if (this.entry === undefined) this.store(value);
    else this.touch(this.entry);
    const result = fn(value as T);
    if (this.guard !== undefined) this.guard.watch(value, this.where());
    return result;
  }

  clear(): void {
    if (this.seen !== this.invocation.serial) this.resolve();
    this.drop();
  }
}

/** The error for `mutate` on what cannot be changed in place. */
export function notMutable(where: string): SluiceError {
  return new SluiceError("STATE_NOT_MUTABLE", `${where} is a primitive value and cannot be changed in place; use set()`);
}
