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

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** All that is visible. */
  get values(): string[] {
    return [...this.committed.values()].flat();
  }

  open(context: SinkContext): SinkWriter<SimRecord> {
    let open: string[] = [];
    return {
      write: (record) => {
        open.push(`${record.id}${record.tags}`);
      },
      prepare: (checkpointId) => {
        this.#faults.strike("prepare", context.uid);
        const ids = open;
        open = [];
        const content = { transaction: `${context.uid}/${context.subtask}/${context.attempt}/${checkpointId}`, ids };
        // Half of them take their time: then only the acknowledgement waits.
        if (checkpointId % 2 === 0) return content;
        return new Promise((resolve) => context.clock.setTimer(0.2, () => resolve(content)));
      },
      commit: async (committables) => {
        for (const committable of committables) await this.#commit(committable, context);
      },
      close: () => {},
    };
  }

  async #commit({ content, checkpointId }: Committable, context: SinkContext): Promise<void> {
    const { transaction, ids } = content as { transaction: string; ids: string[] };
    if (checkpointId % 3 === 0) await new Promise<void>((resolve) => context.clock.setTimer(0.1, resolve));
    this.#faults.strike("commit", context.uid);
    this.committed.set(transaction, ids);
  }
}
