import type { Trace } from "../../actors/simulation/trace.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Delivery } from "../graph/sink.ts";

/** What one subtask of a sink prepared for one checkpoint. */
interface Prepared {
  readonly uid: string;
  readonly subtask: number;
  readonly checkpointId: CheckpointId;
  readonly records: readonly unknown[];
}

/** What is visible of one sink. */
export interface Visible {
  readonly uid: string;
  readonly delivery: Delivery;
  /** In the order in which they became visible. */
  readonly records: readonly unknown[];
}

interface Entry {
  readonly checkpointId: CheckpointId;
  readonly token: string;
  readonly records: readonly unknown[];
}

/**
 * What the sinks of a simulated job have made visible, as someone sees it who stands outside and outlives every process: the
 * records of a transaction when it is committed, once; those of other sinks as they are written.
 */
export class Ledger {
  readonly #trace: Trace;
  readonly #latestComplete: () => CheckpointId;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #entries = new Map<string, Entry[]>();
  readonly #prepared = new Map<string, Prepared>();
  readonly #committed = new Map<string, Set<string>>();
  /** What no sink may do. */
  readonly problems: string[] = [];
  #written = 0;

  /** `latestComplete`: the highest checkpoint that is durably complete now, 0 for none. */
  constructor(trace: Trace, latestComplete: () => CheckpointId) {
    this.#trace = trace;
    this.#latestComplete = latestComplete;
  }

  /** How many records were written, in all attempts. */
  get written(): number {
    return this.#written;
  }

  know(uid: string, delivery: Delivery): void {
    this.#deliveries.set(uid, delivery);
    if (!this.#entries.has(uid)) this.#entries.set(uid, []);
  }

  count(): void {
    this.#written++;
  }

  /** A record of a sink without transactions. */
  show(uid: string, record: unknown): void {
    this.#entriesOf(uid).push({ checkpointId: 0, token: "", records: [record] });
  }

  /** Keeps the records of a transaction until they are committed. Returns its name. */
  prepare(prepared: Prepared): string {
    const { uid, subtask, checkpointId } = prepared;
    const token = `${uid}/${subtask}/${checkpointId}/${this.#prepared.size}`;
    this.#prepared.set(token, prepared);
    this.#trace.note(`prepared ${token}: ${prepared.records.length}`);
    return token;
  }

  commit(uid: string, token: unknown): void {
    const prepared = typeof token === "string" ? this.#prepared.get(token) : undefined;
    if (prepared === undefined || prepared.uid !== uid) {
      this.problems.push(`sink ${uid} was told to commit what it never prepared: ${String(token)}`);
      return;
    }
    const committed = this.#committed.get(uid) ?? new Set();
    if (committed.has(token as string)) return;
    // What an aborted checkpoint prepared comes with the next one that completes.
    const latest = this.#latestComplete();
    if (latest < prepared.checkpointId) {
      this.problems.push(
        `sink ${uid} was told to commit ${token as string} while checkpoint ${latest} is the latest complete one`,
      );
    }
    this.#committed.set(uid, committed.add(token as string));
    this.#entriesOf(uid).push({ checkpointId: prepared.checkpointId, token: token as string, records: prepared.records });
    this.#trace.note(`committed ${token as string}`);
  }

  /** The highest checkpoint of which something of a sink is visible, 0 for none. */
  lastCommitted(uid: string): CheckpointId {
    return this.#entriesOf(uid).reduce((last, { checkpointId }) => Math.max(last, checkpointId), 0);
  }

  /** Takes back what was committed after a checkpoint. */
  rollBack(uid: string, id: CheckpointId): void {
    const entries = this.#entriesOf(uid);
    this.#entries.set(uid, entries.filter(({ checkpointId }) => checkpointId <= id));
    for (const { checkpointId, token } of entries) if (checkpointId > id) this.#committed.get(uid)?.delete(token);
  }

  /** All that is visible, sink by sink. */
  visible(): Visible[] {
    return [...this.#deliveries].map(([uid, delivery]) => ({
      uid,
      delivery,
      records: this.#entriesOf(uid).flatMap(({ records }) => records),
    }));
  }

  #entriesOf(uid: string): Entry[] {
    return this.#entries.get(uid) ?? [];
  }
}
