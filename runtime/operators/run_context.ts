import { SluiceError } from "../../actors/error.ts";
import type { LogLevel } from "../../actors/logger.ts";
import { MAX_WATERMARK } from "../graph/frame.ts";
import type { Key } from "../graph/key.ts";
import type { Collector, OperatorContext } from "../graph/operator.ts";
import type { Invocation } from "../state/invocation.ts";
import type { KeyedTimers } from "../state/timers.ts";
import type { Sides, Timers } from "./process_context.ts";

/** What a definition has beside state and results. */
export interface RunExtras {
  readonly sides: ReadonlyMap<string, Collector<unknown>>;
  readonly broadcast?: ((invocation: Invocation) => unknown) | undefined;
}

const none: RunExtras = { sides: new Map() };

/** The side outputs that a definition declares. */
export function sidesOf(sides: Sides | undefined, context: OperatorContext): ReadonlyMap<string, Collector<unknown>> {
  return new Map(Object.keys(sides ?? {}).map((name) => [name, context.side(name)]));
}

function unknownSide(uid: string, name: string, sides: ReadonlyMap<string, unknown>): SluiceError {
  const declared = [...sides.keys()].join(", ") || "none";
  return new SluiceError(
    "SIDE_UNKNOWN",
    `operator ${uid} emitted to side output ${JSON.stringify(name)}, but declares ${declared}; add it to sides`,
  );
}

/** The context object behind `ProcessContext`, for one {@link Invocation}. */
export class RunContext<Handles, Out> {
  readonly state: Handles;
  protected readonly invocation: Invocation;
  private readonly context: OperatorContext;
  private readonly out: Collector<Out>;
  private readonly sides: ReadonlyMap<string, Collector<unknown>>;
  /** The handles of broadcast state, where there is some. */
  readonly broadcast: unknown;

  constructor(invocation: Invocation, state: Handles, context: OperatorContext, out: Collector<Out>, extras: RunExtras = none) {
    this.sides = extras.sides;
    this.broadcast = extras.broadcast?.(invocation);
    this.invocation = invocation;
    this.state = state;
    this.context = context;
    this.out = out;
  }

  emit(value: Out): void {
    const { invocation } = this;
    if (invocation.serial === 0) invocation.assertLive();
    // What follows may have moved the cursor since the last emit.
    const { cursor } = this.context;
    cursor.timestamp = invocation.timestamp;
    cursor.keyGroup = invocation.keyGroup;
    this.out.collect(value);
  }

  side(name: string, value: unknown): void {
    const { invocation } = this;
    if (invocation.serial === 0) invocation.assertLive();
    const out = this.sides.get(name);
    if (out === undefined) throw unknownSide(invocation.uid, name, this.sides);
    const { cursor } = this.context;
    cursor.timestamp = invocation.timestamp;
    cursor.keyGroup = invocation.keyGroup;
    out.collect(value);
  }

  get timestamp(): number {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    return this.invocation.timestamp;
  }

  get watermark(): number {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    return this.context.cursor.watermark;
  }

  now(): number {
    if (this.invocation.serial === 0) this.invocation.assertLive();
    return this.context.now();
  }

  get signal(): AbortSignal {
    return this.context.signal;
  }

  log(level: LogLevel, message: string, cause?: unknown): void {
    const from = `${this.context.uid}#${this.context.subtask}`;
    this.context.log(cause === undefined ? { level, from, message } : { level, from, message, cause });
  }
}

/** The same with a key. */
export class KeyedRunContext<Handles, Out> extends RunContext<Handles, Out> {
  readonly timers: Timers;

  constructor(
    invocation: Invocation,
    state: Handles,
    context: OperatorContext,
    out: Collector<Out>,
    timers: Timers,
    extras: RunExtras = none,
  ) {
    super(invocation, state, context, out, extras);
    this.timers = timers;
  }

  get key(): Key {
    if (this.invocation.serial === 0 || this.invocation.group < 0) this.invocation.assertKeyed("the key");
    return this.invocation.key as Key;
  }
}

/** The queues that timers go to. */
export interface TimerQueues {
  readonly event: KeyedTimers;
  readonly processing: KeyedTimers;
  /** Whether somebody would handle them. */
  readonly handled: boolean;
  /** The processing-time timer that is due first may be another one now. */
  changed(): void;
}

/** Timers of the current key of an {@link Invocation}. */
export class RunTimers implements Timers {
  readonly #invocation: Invocation;
  readonly #queues: TimerQueues;

  constructor(invocation: Invocation, queues: TimerQueues) {
    this.#invocation = invocation;
    this.#queues = queues;
  }

  event(at: number, name?: string): void {
    this.#assertUsable(at);
    const { key, identity, group } = this.#invocation;
    this.#queues.event.add(at, name, key as Key, identity, group);
  }

  processing(at: number, name?: string): void {
    this.#assertUsable(at);
    const { key, identity, group } = this.#invocation;
    const { processing } = this.#queues;
    const before = processing.next();
    processing.add(at, name, key as Key, identity, group);
    if (processing.next() !== before) this.#queues.changed();
  }

  cancelEvent(at: number, name?: string): boolean {
    this.#assertUsable(at);
    return this.#queues.event.cancel(at, name, this.#invocation.identity, this.#invocation.group);
  }

  cancelProcessing(at: number, name?: string): boolean {
    this.#assertUsable(at);
    const { processing } = this.#queues;
    const before = processing.next();
    const cancelled = processing.cancel(at, name, this.#invocation.identity, this.#invocation.group);
    if (processing.next() !== before) this.#queues.changed();
    return cancelled;
  }

  #assertUsable(at: number): void {
    this.#invocation.assertKeyed("the timers");
    if (!Number.isFinite(at) || at > MAX_WATERMARK) {
      throw new SluiceError(
        "TIMER_TIME",
        `operator ${this.#invocation.uid} set a timer at ${at}; give a time in milliseconds, up to MAX_WATERMARK`,
      );
    }
    if (!this.#queues.handled) {
      throw new SluiceError("TIMER_NO_HANDLER", `operator ${this.#invocation.uid} set a timer but has no onTimer; add one`);
    }
  }
}
