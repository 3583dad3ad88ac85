import type { Timer } from "../../actors/clock.ts";
import type { Committable, Sink, SinkContext, SinkWriter } from "../../runtime/graph/sink.ts";
import type { Faults } from "./faults.ts";
import type { SimRecord } from "./record.ts";

/** A transactional sink whose store outlives every process: what the outside world has seen. */
export class SimSink implements Sink<SimRecord> {
  readonly kind = "simulated";
  readonly delivery = "transactional";
  /** By transaction: what became visible. */
  readonly committed = new Map<string, readonly string[]>();
  readonly #faults: Faults;
  readonly problems: string[] = [];
  /** By transaction: the checkpoint that made it visible. */
  protected readonly checkpoints = new Map<string, number>();
  /** How many records were written, in all attempts. */
  written = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** All that is visible. */
  get values(): string[] {
    return [...this.committed.values()].flat();
  }

  open(context: SinkContext): SinkWriter<SimRecord> {
    let open: string[] = [];
    const timers = new Set<Timer>();
    const sleep = (delayMs: number) => new Promise<void>((resolve) => timers.add(context.clock.setTimer(delayMs, resolve)));
    return {
      write: (record) => {
        this.written++;
        open.push(`${record.id}${record.tags}`);
      },
      prepare: (checkpointId) => {
        this.#faults.strike("prepare", context.uid);
        const ids = open;
        open = [];
        const { uid, subtask, life, attempt } = context;
        const content = { transaction: `${uid}/${subtask}/${life}/${attempt}/${checkpointId}`, ids };
        // Half of them take their time: then only the acknowledgement waits.
        if (checkpointId % 2 === 0) return content;
        return sleep(0.2).then(() => content);
      },
      commit: async (committables) => {
        for (const committable of committables) await this.#commit(committable, context, sleep);
      },
      close: () => {
        for (const timer of timers) timer.cancel();
      },
    };
  }

  async #commit(
    { content, checkpointId }: Committable,
    context: SinkContext,
    sleep: (delayMs: number) => Promise<void>,
  ): Promise<void> {
    const { transaction, ids } = content as { transaction: string; ids: string[] };
    if (checkpointId % 3 === 0) await sleep(0.1);
    this.#faults.strike("commit", context.uid);
    this.committed.set(transaction, ids);
    this.checkpoints.set(transaction, checkpointId);
  }
}

/** One that can take back what it has shown. Nobody may ask for that who has not been told to go back to a savepoint. */
export class RevocableSink extends SimSink {
  /** The savepoint that the present life was told to begin from. */
  returnsTo: number | undefined;

  lastCommitted(): number {
    return Math.max(0, ...this.checkpoints.values());
  }

  rollbackTo(id: number): void {
    if (id !== this.returnsTo) this.problems.push(`output was taken back to checkpoint ${id}, which nobody asked for`);
    for (const [transaction, checkpoint] of this.checkpoints) {
      if (checkpoint <= id) continue;
      this.committed.delete(transaction);
      this.checkpoints.delete(transaction);
    }
  }
}
