import * as assert from "uvu/assert";
import type { Committable, Sink, SinkWriter } from "../../runtime/graph/sink.ts";
import type { ConnectorWorld } from "./connector_world.ts";
import { throughSnapshot } from "./connector_world.ts";

const subtasks = [0, 1];
const recordsEach = 14;
const recordsPerCheckpoint = 3;

/** What the checkpoint store of a {@link SinkJob} holds: it survives every crash. */
interface Store {
  /** The newest completed checkpoint, and what a restore from it needs. */
  completed: number;
  positions: readonly number[];
  committables: readonly Committable[];
  /** The highest checkpoint that was ever triggered, and the attempts that were ever started. */
  triggered: number;
  attempts: number;
}

/**
 * A small job around a transactional sink, with all that a runtime does for one: checkpoints, some of them aborted, commits,
 * some of them late, restores. Subtask s writes the records `s:0`, `s:1` …
 */
export class SinkJob {
  readonly #sink: Sink<unknown>;
  readonly store: Store = { completed: 0, positions: [0, 0], committables: [], triggered: 0, attempts: 0 };

  constructor(sink: Sink<unknown>) {
    this.#sink = sink;
  }

  /** Every record of the job. */
  static readonly records: readonly string[] = recordsUpTo(subtasks.map(() => recordsEach));

  /** The records that must be visible once all that is complete has been committed. */
  get completedRecords(): readonly string[] {
    return recordsUpTo(this.store.positions);
  }

  /** Runs one attempt to the end of the job, or to the first failure. `restored` is called when the restore is through. */
  async attempt(world: ConnectorWorld, restored: () => Promise<void> = async () => {}): Promise<void> {
    const { store } = this;
    const attempt = ++store.attempts;
    const writers: SinkWriter<unknown>[] = [];
    try {
      for (const subtask of subtasks) {
        const context = world.sink({ subtask, parallelism: subtasks.length, attempt, restoredFrom: store.completed });
        writers.push(await this.#sink.open(context));
      }
      await this.#run(writers, restored);
    } finally {
      for (const writer of writers) await writer.close();
    }
  }

  async #run(writers: readonly SinkWriter<unknown>[], restored: () => Promise<void>): Promise<void> {
    const { store } = this;
    const positions = [...store.positions];
    let pending = [...store.committables];
    const commit = async (): Promise<void> => {
      // Dealt out anew, as after a rescale.
      for (const [index, writer] of writers.entries()) {
        const due = pending.filter((committable) => (committable.subtask + committable.checkpointId) % writers.length === index);
        if (due.length > 0) await writer.commit!(due);
      }
      pending = [];
    };
    if (pending.length > 0) await commit();
    await restored();
    while (positions.some((position) => position < recordsEach) || pending.length > 0) {
      for (const [subtask, writer] of writers.entries()) {
        for (let count = 0; count < recordsPerCheckpoint && positions[subtask]! < recordsEach; count++) {
          await writer.write(`${subtask}:${positions[subtask]!++}`);
        }
      }
      const id = ++store.triggered;
      const contents = await Promise.all(writers.map((writer) => writer.prepare!(id)));
      contents.forEach((content, subtask) => {
        if (content !== undefined) pending.push({ checkpointId: id, subtask, content });
      });
      if (id % 3 === 2) continue;
      store.completed = id;
      store.positions = [...positions];
      store.committables = throughSnapshot(pending);
      if (id % 4 !== 3) await commit();
    }
  }
}

function recordsUpTo(positions: readonly number[]): string[] {
  return positions.flatMap((position, subtask) => Array.from({ length: position }, (_, n) => `${subtask}:${n}`));
}

/** Compares what is visible with what must be: each record once, those of a subtask in order. */
export function sameRecords(visible: readonly unknown[], expected: readonly string[], message: string): void {
  const bySubtask = subtasks.flatMap((subtask) => visible.filter((value) => String(value).startsWith(`${subtask}:`)));
  assert.equal(bySubtask, [...expected], message);
}
