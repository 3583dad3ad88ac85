import { SluiceError } from "../../actors/error.ts";
import { type CheckpointId, MAX_WATERMARK, NO_WATERMARK } from "../graph/frame.ts";
import { canonicalKey, type Key, keyGroupOf, keyIdentity, keyText } from "../graph/key.ts";
import type { Collector, Cursor, Operator, OperatorContext, RestoredPart, SnapshotPart, StoredPart } from "../graph/operator.ts";
import type { KeyedDescriptors, StateHandles } from "../state/descriptor.ts";
import { keyedStateBackend } from "../state/backend.ts";
import { Invocation } from "../state/invocation.ts";
import type { KeyedStateBackend } from "../state/keyed_backend.ts";
import type { OldSubtask } from "../state/keyed_restore.ts";
import type { KeyedTimer, KeyedTimers } from "../state/timers.ts";
import type { KeyedProcessDefinition } from "./process.ts";
import type { FiredTimer, KeyedProcessContext } from "./process_context.ts";
import { KeyedRunContext, type RunExtras, RunTimers, sidesOf } from "./run_context.ts";
import { endTime, Runs } from "./runs.ts";

type Context = KeyedProcessContext<Key, KeyedDescriptors, unknown>;

/** Runs a keyed process function. */
export class KeyedProcessOperator implements Operator {
  private readonly definition: KeyedProcessDefinition<unknown, Key, KeyedDescriptors>;
  readonly keyOf: (value: unknown) => Key;
  private readonly cursor: Cursor;
  private readonly runs: Runs<Context>;
  private readonly first: number;
  private readonly last: number;
  /** Nobody looks after each run whether values were changed. */
  private readonly unwatched: boolean;
  /** `onEnd` has run, and nothing has come since. */
  private ended = false;
  readonly #context: OperatorContext;
  readonly #backend: KeyedStateBackend;
  readonly #eventTimers: KeyedTimers;
  readonly #processingTimers: KeyedTimers;

  constructor(
    definition: KeyedProcessDefinition<unknown, Key, KeyedDescriptors>,
    options: { readonly keyOf: (value: unknown) => Key; readonly checkMutations: boolean },
    context: OperatorContext,
    out: Collector<unknown>,
    broadcast?: RunExtras["broadcast"],
  ) {
    const { uid, keyGroups: range } = context;
    this.definition = definition;
    this.keyOf = options.checkMutations ? stableKey(options.keyOf, context) : options.keyOf;
    this.cursor = context.cursor;
    this.first = range.first;
    this.last = range.last;
    this.#context = context;
    this.#backend = keyedStateBackend(context, options.checkMutations);
    this.unwatched = this.#backend.guard === undefined;
    this.#backend.declare(definition.state ?? {});
    this.#eventTimers = this.#backend.timers("event-time timers");
    this.#processingTimers = this.#backend.timers("processing-time timers");
    const queues = {
      event: this.#eventTimers,
      processing: this.#processingTimers,
      handled: definition.onTimer !== undefined,
      changed: () => context.timersChanged(),
    };
    const extras: RunExtras = { sides: sidesOf(definition.sides, context), broadcast };
    this.runs = new Runs<Context>(
      [definition.onRecord, definition.onTimer, definition.onEnd],
      context,
      this.#backend.guard,
      () => {
        const invocation = new Invocation(uid);
        const state = this.#backend.bind<KeyedDescriptors>(invocation);
        const timers = new RunTimers(invocation, queues);
        return {
          invocation,
          ctx: new KeyedRunContext<StateHandles<KeyedDescriptors>, unknown>(invocation, state, context, out, timers, extras),
        };
      },
    );
  }

  process(value: unknown): void {
    const key = this.keyOf(value);
    const run = this.runs.next();
    const { invocation } = run;
    // The sender has hashed the key, so it is a valid one. One that is a small integer is kept as such, however it was
    // computed: as a double it would be allocated anew for each record. (This makes 0 of -0, too.)
    if (typeof key === "number" && (key | 0) === key) invocation.about(key | 0, key | 0);
    else this.take(key, invocation);
    const { keyGroup, timestamp } = this.cursor;
    invocation.begin(keyGroup >= this.first && keyGroup <= this.last ? keyGroup : this.groupOf(key, keyGroup), timestamp);
    this.ended = false;
    const result = this.definition.onRecord(value, run.ctx);
    if (result === undefined && this.unwatched) invocation.end();
    else this.runs.returned(run, result, value);
  }

  /** Processing a record threw: what it began is over. */
  failed(): void {
    this.runs.close();
  }

  nextEventTimer(): number {
    return this.#eventTimers.next();
  }

  fireEventTimer(): void {
    const timer = this.#eventTimers.take();
    this.#fire(timer, timer.at);
  }

  nextProcessingTimer(): number {
    return this.#processingTimers.next();
  }

  /** Results carry the earliest event time that is not late downstream; NaN before the first watermark. */
  fireProcessingTimer(): void {
    const timer = this.#processingTimers.take();
    const { watermark } = this.cursor;
    this.#fire(timer, watermark === NO_WATERMARK ? Number.NaN : Math.min(watermark + 1, MAX_WATERMARK));
  }

  finish(): void {
    if (this.definition.onEnd === undefined || this.ended) return;
    this.ended = true;
    const run = this.runs.next();
    run.invocation.beginUnkeyed(-1, endTime(this.cursor.watermark));
    let result;
    try {
      result = this.definition.onEnd(run.ctx);
    } catch (error) {
      run.invocation.end();
      throw error;
    }
    this.runs.returned(run, result);
  }

  snapshot(checkpoint: CheckpointId): readonly SnapshotPart[] {
    return [this.#backend.snapshot({ ended: this.ended }, checkpoint)];
  }

  completed(checkpoint: CheckpointId): void {
    this.#backend.completed(checkpoint);
  }

  restore(parts: readonly RestoredPart[]): void {
    this.#restored(this.#backend.restore(parts));
  }

  async load(parts: readonly StoredPart[]): Promise<void> {
    this.#restored(await this.#backend.load(parts));
  }

  close(): void {
    this.runs.close();
    this.#backend.close();
  }

  #restored(old: readonly OldSubtask[]): void {
    const mine = old.filter(({ range }) => range.first <= this.last && range.last >= this.first);
    this.ended = mine.length > 0 && mine.every(({ notes }) => notes["ended"] === true);
    const timers = this.#eventTimers.size + this.#processingTimers.size;
    if (timers > 0 && this.definition.onTimer === undefined) {
      throw new SluiceError(
        "STATE_UNKNOWN",
        `the snapshot holds ${timers} timers of operator ${this.#context.uid}, which no longer has an onTimer; add one, or ` +
          `start without this checkpoint`,
      );
    }
  }

  #fire(timer: KeyedTimer, timestamp: number): void {
    const { at, name, key, identity, group } = timer;
    const run = this.runs.next();
    run.invocation.about(key, identity).begin(group, timestamp);
    const fired: FiredTimer<Key> = { at, name, key };
    let result;
    try {
      result = this.definition.onTimer?.(fired, run.ctx);
    } catch (error) {
      run.invocation.end();
      throw error;
    }
    this.runs.returned(run, result);
  }

  /** Keys other than small integers: strings and numbers stand for themselves. */
  private take(key: Key, invocation: Invocation): void {
    invocation.about(canonicalKey(key), typeof key === "string" || typeof key === "number" ? key : keyIdentity(key));
  }

  /** Of a record that carries none. */
  private groupOf(key: Key, carried: number): number {
    const group = carried < 0 ? keyGroupOf(key, this.#context.keyGroupCount) : carried;
    if (group < this.first || group > this.last) throw this.#foreign(key, group);
    return group;
  }

  #foreign(key: Key, group: number): SluiceError {
    return new SluiceError(
      "KEY_GROUP_FOREIGN",
      `key ${keyText(key)} came to subtask ${this.#context.subtask} of operator ${this.#context.uid}, which has key groups ` +
        `${this.first} to ${this.last}, but its group is ${group}; the operator must stand directly behind its keyBy`,
    );
  }
}

/** Development mode: the key that the operator finds must be the one that the sender dealt out by. */
function stableKey(keyOf: (value: unknown) => Key, context: OperatorContext): (value: unknown) => Key {
  return (value) => {
    const key = keyOf(value);
    const { keyGroup } = context.cursor;
    if (keyGroup >= 0 && keyGroupOf(key, context.keyGroupCount, context.uid) !== keyGroup) {
      throw new SluiceError(
        "KEY_UNSTABLE",
        `the key function of operator ${context.uid} gave ${
          keyText(key)
        }, which belongs to another key group than the key it gave ` +
          `for the same record before; it must depend on nothing but the record`,
      );
    }
    return key;
  };
}
