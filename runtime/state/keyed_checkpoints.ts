import type { CheckpointId } from "../graph/frame.ts";
import type { SnapshotPart } from "../graph/operator.ts";
import type { KeyedOwner } from "./keyed_restore.ts";
import { keyedPart, type KeyedSection, type PartNotes, unchangedPart } from "./keyed_part.ts";

/** Whose checkpoints they are. */
export interface CheckpointedOwner extends KeyedOwner {
  /** A part is at most so many layers: every so-many-th checkpoint writes the whole state. @default 1 */
  readonly baseEvery?: number;
}

/** A snapshot that was taken for a checkpoint. */
interface Taken {
  readonly stamp: number;
  /** How many checkpoints in a row its part builds on, itself included, whether they had anything to say or not. */
  readonly layers: number;
  readonly notes: PartNotes;
  readonly part: SnapshotPart;
}

/**
 * Which snapshot of a backend builds on which.
 *
 * A delta's base is the last snapshot whose checkpoint is known to be complete; while there is none, as after a restore, and
 * every `baseEvery`-th time, a snapshot is whole. One that has nothing to say over its base has no bytes. (A delta over what was
 * restored would save one write, but parts come from old subtasks with other ranges, under other schemas, and timers are
 * numbered anew.) Snapshots without a checkpoint of their own, such as those of savepoints, are whole, and nothing builds on
 * them.
 */
export class KeyedCheckpoints {
  readonly #owner: CheckpointedOwner;
  readonly #sections: readonly KeyedSection[];
  readonly #taken = new Map<CheckpointId, Taken>();
  #stamp = 0;
  #base: { readonly id: CheckpointId; readonly taken: Taken } | undefined;

  constructor(owner: CheckpointedOwner, sections: readonly KeyedSection[]) {
    this.#owner = owner;
    this.#sections = sections;
  }

  /** Fixes every section as of now. Takes constant time for each of them. */
  snapshot(notes: PartNotes, checkpoint: CheckpointId | undefined): SnapshotPart {
    const { range, keyGroupCount, baseEvery = 1 } = this.#owner;
    const followed = checkpoint !== undefined && baseEvery > 1;
    const base = followed && this.#base !== undefined && this.#base.taken.layers < baseEvery ? this.#base : undefined;
    if (base !== undefined && followed && this.#isAs(base.taken, notes)) {
      const part = unchangedPart(base.id);
      this.#taken.set(checkpoint, { stamp: base.taken.stamp, layers: base.taken.layers + 1, notes, part });
      return part;
    }
    const stamp = this.#stamp;
    this.#stamp += 2;
    const sections = this.#sections.map((header) => ({ header, cut: header.cut(base?.taken.stamp, followed) }));
    const whole = sections.every(({ cut }) => cut.whole);
    const part = keyedPart({ sections, range, keyGroupCount, notes, base: whole ? undefined : base?.id });
    if (followed) this.#taken.set(checkpoint, { stamp, layers: whole ? 1 : (base?.taken.layers ?? 0) + 1, notes, part });
    return part;
  }

  /** The checkpoint is complete, and no older one will be any more. */
  completed(checkpoint: CheckpointId): void {
    const taken = this.#taken.get(checkpoint);
    for (const [id, { part }] of this.#taken) {
      if (id > checkpoint) continue;
      this.#taken.delete(id);
      part.release?.();
    }
    if (taken === undefined || (this.#base !== undefined && this.#base.id > checkpoint)) return;
    this.#base = { id: checkpoint, taken };
    for (const section of this.#sections) section.based(taken.stamp);
  }

  #isAs({ stamp, notes }: Taken, now: PartNotes): boolean {
    for (const name of Object.keys(now)) if (!Object.is(now[name], notes[name])) return false;
    for (const section of this.#sections) if (!section.isAsAt(stamp)) return false;
    return true;
  }
}
