import type { CheckpointId } from "../graph/frame.ts";
import type { KeyGroupRange, RestoredPart, SnapshotPart, StoredPart } from "../graph/operator.ts";
import type { KeyedDescriptors, StateHandles } from "./descriptor.ts";
import type { Invocation } from "./invocation.ts";
import type { PartNotes } from "./keyed_part.ts";
import type { OldSubtask } from "./keyed_restore.ts";
import type { MutationGuard } from "./mutation_guard.ts";
import type { KeyedTimers } from "./timers.ts";
import type { WindowTable } from "./window_table.ts";

/** What a backend is made for. */
export interface KeyedBackendOptions {
  /** The operator, for messages. */
  readonly uid: string;
  /** The key groups it holds, and how many there are in all. */
  readonly range: KeyGroupRange;
  readonly keyGroupCount: number;
  /** Wall-clock milliseconds, for states that expire. */
  readonly now?: () => number;
  /**
   * Development mode: values that are changed in place behind the state's back fail the turn with `STATE_MUTATED`. Costs an
   * encoding for every access.
   * @default false
   */
  readonly checkMutations?: boolean;
  /**
   * Snapshots say what has changed since the last completed checkpoint; every so-many-th says everything. 1: each one does.
   * @default 1
   */
  readonly baseEvery?: number;
  /**
   * With so many entries, a value on the heap begins to keep those in rows of numbers that can be.
   * @default 32,768, or 32 for each key group
   */
  readonly rowsFrom?: number | undefined;
}

/**
 * The keyed state of one operator in one subtask: declared states, windows and timers, for a range of key groups.
 *
 * Order of use: declare everything, restore at most once, then work. All of it is synchronous. Which key is the current one is
 * the {@link Invocation}'s affair, so handles of several invocations can stand beside each other.
 */
export interface KeyedStateBackend {
  /** Declares states. */
  declare(descriptors: KeyedDescriptors): void;
  /** The handles of all declared states for one invocation. */
  bind<D extends KeyedDescriptors>(invocation: Invocation): StateHandles<D>;
  /** Declares timers under a name of their own. */
  timers(name: string): KeyedTimers;
  /** Declares state in windows. `description` must be the same at a restore. */
  windows(name: string, description: string): WindowTable;
  /** In development mode: to be checked at the end of each turn. */
  readonly guard: MutationGuard | undefined;
  /**
   * Everything, or everything that has changed since a completed checkpoint, as of now: later changes do not show in the part,
   * whenever its slices are taken. The call itself takes constant time for each state.
   *
   * Slices throw `SluiceError` `UNENCODABLE_VALUE` naming operator, state, key and field.
   *
   * @param checkpoint whose snapshot it is; without one it stands alone, and no later one builds on it
   */
  snapshot(notes: PartNotes, checkpoint?: CheckpointId): SnapshotPart;
  /** The checkpoint is complete: later snapshots may build on it. */
  completed(checkpoint: CheckpointId): void;
  /**
   * Takes back what belongs to its key groups, out of the parts of all old subtasks, and says what these noted. Throws as
   * `restoreFromBytes` does.
   */
  restore(parts: readonly RestoredPart[]): readonly OldSubtask[];
  /** The same from parts that are read piece by piece, with a bounded amount of them in memory. */
  load(parts: readonly StoredPart[]): Promise<readonly OldSubtask[]>;
  /** Lets go of everything, once open snapshots have been written or released. */
  close(): void;
}
