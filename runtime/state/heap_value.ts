import { SluiceError } from "../../actors/error.ts";
import { apart } from "./apart.ts";
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

  /** So small that it is inlined wherever it is called, whatever else is: then the function given need not be made. */
  mutate<R>(fn: (value: T) => R): R {
    return fn(this.mutable());
  }

  /** The value, about to be changed in place. */
  protected mutable(): T {
    if (this.seen !== this.invocation.serial) this.resolve();
    const { entry } = this;
    if (entry === undefined) return apart(this.begin, this.initial);
    const { value } = entry;
    if (typeof value !== "object" || value === null) throw notMutable(this.where());
    this.touch(entry);
    return value as T;
  }

  private readonly begin = (initial: InitialValue): T => {
    const value = initial.copy();
    if (typeof value !== "object" || value === null) throw notMutable(this.where());
    this.store(value);
    return value as T;
  };

  clear(): void {
    if (this.seen !== this.invocation.serial) this.resolve();
    this.drop();
  }
}

/** In development mode: values that are changed in place are looked at again when the run is over. */
export class WatchedValueState<T> extends HeapValueState<T> {
  override mutate<R>(fn: (value: T) => R): R {
    const value = this.mutable();
    const result = fn(value);
    this.guard?.watch(value, this.where());
    return result;
  }
}

/** The error for `mutate` on what cannot be changed in place. */
export function notMutable(where: string): SluiceError {
  return new SluiceError("STATE_NOT_MUTABLE", `${where} is a primitive value and cannot be changed in place; use set()`);
}
