import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { RestoredPart, SnapshotPart, StoredPart } from "../graph/operator.ts";
import { assertStateName, type KeyedDescriptor, type KeyedDescriptors, type StateHandles } from "./descriptor.ts";
import type { HandledState } from "./heap_handle.ts";
import { HeapListState, listItems } from "./heap_list.ts";
import { type Packing, plainValue, type StateSchemas } from "./entry_codec.ts";
import type { EntryTable } from "./entry_table.ts";
import { HeapMapState, mapItems } from "./heap_map.ts";
import { HeapValueState, WatchedValueState } from "./heap_value.ts";
import { InitialValue } from "./initial_value.ts";
import type { Invocation } from "./invocation.ts";
import type { KeyedBackendOptions, KeyedStateBackend } from "./keyed_backend.ts";
import { KeyedCheckpoints } from "./keyed_checkpoints.ts";
import type { KeyedSection, PartNotes } from "./keyed_part.ts";
import { type OldSubtask, restoreFromBytes, restoreFromReaders } from "./keyed_restore.ts";
import { MutationGuard } from "./mutation_guard.ts";
import type { Expiry } from "./time_to_live.ts";
import { KeyedTimers } from "./timers.ts";
import { HeapWindowTable, type WindowTable } from "./window_table.ts";

/** Makes the handle of a state for one invocation. */
type Binder = (invocation: Invocation) => unknown;

/** A table of keyed state, in snapshots. */
export interface TableSection extends KeyedSection {
  readonly table: EntryTable;
  readonly expiry: Expiry | undefined;
}

/** Makes the section of a declared state. `now` is asked only by a state that expires. */
export type MakeSection = (
  name: string,
  kind: string,
  schemas: StateSchemas,
  packing: Packing,
  now: () => number,
) => TableSection;

/** A keyed state backend over tables, which keep their entries somewhere; timers and windows are on the heap. */
export class TableKeyedStateBackend implements KeyedStateBackend {
  readonly guard: MutationGuard | undefined;
  readonly #options: KeyedBackendOptions;
  readonly #sections: KeyedSection[] = [];
  readonly #binders = new Map<string, Binder>();
  readonly #checkpoints: KeyedCheckpoints;
  readonly #makeSection: MakeSection;

  constructor(options: KeyedBackendOptions, makeSection: MakeSection) {
    this.#options = options;
    this.#makeSection = makeSection;
    this.#checkpoints = new KeyedCheckpoints(options, this.#sections);
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

  snapshot(notes: PartNotes, checkpoint?: CheckpointId): SnapshotPart {
    return this.#checkpoints.snapshot(notes, checkpoint);
  }

  completed(checkpoint: CheckpointId): void {
    this.#checkpoints.completed(checkpoint);
  }

  restore(parts: readonly RestoredPart[]): readonly OldSubtask[] {
    return restoreFromBytes(this.#options, this.#sections, parts);
  }

  load(parts: readonly StoredPart[]): Promise<readonly OldSubtask[]> {
    return restoreFromReaders(this.#options, this.#sections, parts);
  }

  close(): void {}

  #declareOne(name: string, descriptor: KeyedDescriptor): Binder {
    const { uid } = this.#options;
    const section = (kind: string, packing: Packing): HandledState => {
      const section = this.#makeSection(name, kind, descriptor, packing, this.#options.now ?? noClock);
      this.#sections.push(section);
      const { table, expiry } = section;
      return { uid, name, table, changes: table.changes, expiry, guard: this.guard };
    };
    switch (descriptor.kind) {
      case "value": {
        const initial = new InitialValue(descriptor.initial, `operator ${uid}, state ${name}`);
        const state = section("value", plainValue);
        const Handle = this.guard === undefined ? HeapValueState : WatchedValueState;
        return (invocation) => new Handle(state, initial, invocation);
      }
      case "list": {
        const state = section("list", listItems);
        return (invocation) => new HeapListState(state, invocation);
      }
      case "map": {
        const state = section("map", mapItems);
        return (invocation) => new HeapMapState(state, invocation);
      }
      default:
        throw new SluiceError(
          "STATE_DESCRIPTOR",
          `state ${name} of operator ${uid} is not declared by value(), list() or map(); split() and replicate() are for ` +
            `operators without a key`,
        );
    }
  }
}

function noClock(): never {
  throw new TypeError("a backend with a state that expires needs a clock: options.now");
}
