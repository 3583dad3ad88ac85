import { SluiceError } from "../../actors/error.ts";
import type { RestoredPart, SnapshotPart } from "../graph/operator.ts";
import { assertStateName, type KeyedDescriptor, type KeyedDescriptors, type StateHandles } from "./descriptor.ts";
import type { HeapState } from "./heap_handle.ts";
import { HeapListState, listItems } from "./heap_list.ts";
import { HeapMapState, mapItems } from "./heap_map.ts";
import { HeapSection, plainValue } from "./heap_section.ts";
import { HeapTable } from "./heap_table.ts";
import { HeapValueState } from "./heap_value.ts";
import { InitialValue } from "./initial_value.ts";
import type { Invocation } from "./invocation.ts";
import type { KeyedBackendOptions, KeyedStateBackend } from "./keyed_backend.ts";
import { type KeyedSection, type PartNotes, writeKeyedPart } from "./keyed_part.ts";
import { type OldSubtask, restoreSections } from "./keyed_restore.ts";
import { MutationGuard } from "./mutation_guard.ts";
import { KeyedTimers } from "./timers.ts";
import { HeapWindowTable, type WindowTable } from "./window_table.ts";

/** Makes the handle of a state for one invocation. */
type Binder = (invocation: Invocation) => unknown;

/** Keyed state on the heap. Snapshots encode everything in the call. */
export class HeapKeyedStateBackend implements KeyedStateBackend {
  readonly guard: MutationGuard | undefined;
  readonly #options: KeyedBackendOptions;
  readonly #sections: KeyedSection[] = [];
  readonly #binders = new Map<string, Binder>();

  constructor(options: KeyedBackendOptions) {
    this.#options = options;
    this.guard = options.checkMutations === true ? new MutationGuard() : undefined;
  }

  declare(descriptors: KeyedDescriptors): void {
    for (const [name, descriptor] of Object.entries(descriptors)) {
      assertStateName(this.#options.uid, name);
      this.#binders.set(name, this.#declareOne(name, descriptor));
    }
  }

  bind<D extends KeyedDescriptors>(invocation: Invocation): StateHandles<D> {
    const handles: Record<string, unknown> = {};
    for (const [name, binder] of this.#binders) handles[name] = binder(invocation);
    return handles as StateHandles<D>;
  }

  timers(name: string): KeyedTimers {
    const timers = new KeyedTimers(this.#options.uid, `~${name}`, this.#options.range);
    this.#sections.push(timers);
    return timers;
  }

  windows(name: string, description: string): WindowTable {
    const windows = new HeapWindowTable(this.#options.uid, `~${name}`, description, this.#options.range);
    this.#sections.push(windows);
    return windows;
  }

  snapshot(notes: PartNotes): SnapshotPart {
    return writeKeyedPart(this.#sections, this.#options.range, this.#options.keyGroupCount, notes);
  }

  restore(parts: readonly RestoredPart[]): readonly OldSubtask[] {
    return restoreSections(this.#options, this.#sections, parts);
  }

  #declareOne(name: string, descriptor: KeyedDescriptor): Binder {
    const { uid, range } = this.#options;
    const table = new HeapTable(range);
    const state: HeapState = { uid, name, table, guard: this.guard };
    switch (descriptor.kind) {
      case "value": {
        const initial = new InitialValue(descriptor.initial, `operator ${uid}, state ${name}`);
        this.#sections.push(new HeapSection(uid, name, "value", descriptor, table, plainValue));
        return (invocation) => new HeapValueState(state, initial, invocation);
      }
      case "list":
        this.#sections.push(new HeapSection(uid, name, "list", descriptor, table, listItems));
        return (invocation) => new HeapListState(state, invocation);
      case "map":
        this.#sections.push(new HeapSection(uid, name, "map", descriptor, table, mapItems));
        return (invocation) => new HeapMapState(state, invocation);
      default:
        throw new SluiceError(
          "STATE_DESCRIPTOR",
          `state ${name} of operator ${uid} is not declared by value(), list() or map(); split() and replicate() are for ` +
            `operators without a key`,
        );
    }
  }
}
