import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Key } from "../graph/key.ts";
import type {
  Collector,
  Cursor,
  Operator,
  OperatorContext,
  OperatorFactory,
  RestoredPart,
  SnapshotPart,
  StoredPart,
} from "../graph/operator.ts";
import type { KeyedDescriptors, OperatorDescriptors, Shape, StateHandles, Typed } from "../state/descriptor.ts";
import type { ValueState } from "../state/handle.ts";
import { Invocation } from "../state/invocation.ts";
import { MutationGuard } from "../state/mutation_guard.ts";
import { OperatorState } from "../state/operator_state.ts";
import type { BroadcastContext, BroadcastDescriptors, ConnectedContext, KeyedConnectedContext } from "./broadcast_context.ts";
import { KeyedProcessOperator } from "./keyed_process.ts";
import { PlainProcessOperator } from "./plain_process.ts";
import { assertDefinition, type KeyedProcessDefinition, type NoState, type ProcessDefinition } from "./process.ts";
import type { ProcessOptions } from "./process.ts";
import type { FiredTimer, NoSides, Sides } from "./process_context.ts";
import { RunContext } from "./run_context.ts";
import { Runs } from "./runs.ts";

/** The input by which broadcast records come: see `Cursor.port`. */
export const broadcastPort = 1;

/** What both kinds of definition have for the broadcast stream. */
interface BroadcastPart<B, R extends BroadcastDescriptors> {
  /** What every subtask has a replica of. */
  readonly broadcastState: R;
  /** A broadcast record: every subtask gets it once, and changes its replica in the same way. Pure but for that. */
  onBroadcast(value: B, ctx: BroadcastContext<R>): void;
}

/** A process function on a stream without keys, beside a broadcast stream. */
export interface ConnectedProcessDefinition<
  In,
  B,
  D extends OperatorDescriptors = NoState,
  R extends BroadcastDescriptors = BroadcastDescriptors,
  E extends Shape = Shape,
  S extends Sides = NoSides,
> extends BroadcastPart<B, R> {
  readonly state?: D;
  /** What `ctx.emit` takes: a schema, or `type<T>()`. */
  readonly emits: E;
  /** Further outputs: what `ctx.side` takes under each name. */
  readonly sides?: S;
  onRecord(value: In, ctx: ConnectedContext<D, R, Typed<E>, S>): void | Promise<void>;
  /** As for a process function without a broadcast stream. */
  onEnd?(ctx: ConnectedContext<D, R, Typed<E>, S>): void | Promise<void>;
}

/** A process function on a keyed stream, beside a broadcast stream. */
export interface KeyedConnectedProcessDefinition<
  In,
  B,
  K extends Key,
  D extends KeyedDescriptors = NoState,
  R extends BroadcastDescriptors = BroadcastDescriptors,
  E extends Shape = Shape,
  S extends Sides = NoSides,
> extends BroadcastPart<B, R> {
  readonly state?: D;
  /** What `ctx.emit` takes: a schema, or `type<T>()`. */
  readonly emits: E;
  /** Further outputs: what `ctx.side` takes under each name. */
  readonly sides?: S;
  onRecord(value: In, ctx: KeyedConnectedContext<K, D, R, Typed<E>, S>): void | Promise<void>;
  onTimer?(timer: FiredTimer<K>, ctx: KeyedConnectedContext<K, D, R, Typed<E>, S>): void | Promise<void>;
  /** As for a process function without a broadcast stream. */
  onEnd?(ctx: KeyedConnectedContext<K, D, R, Typed<E>, S>): void | Promise<void>;
}

/** A definition of either kind, its types erased. */
type AnyDefinition =
  & (ProcessDefinition<unknown, OperatorDescriptors> | KeyedProcessDefinition<unknown, Key, KeyedDescriptors>)
  & BroadcastPart<unknown, BroadcastDescriptors>;

/**
 * The operator of a process function with broadcast state. Main records come by port 0, broadcast ones by {@link broadcastPort}.
 *
 * @throws {SluiceError} `PROCESS_DEFINITION` when the definition is not one
 */
export function connectedOperator(
  definition: unknown,
  options: ProcessOptions & { readonly keyOf?: ((value: never) => Key) | undefined },
): OperatorFactory<unknown, unknown> {
  assertDefinition(definition);
  const { onBroadcast, broadcastState } = definition as Partial<AnyDefinition>;
  if (typeof onBroadcast !== "function" || typeof broadcastState !== "object" || broadcastState === null) {
    throw new SluiceError("PROCESS_DEFINITION", "a process function on connected streams needs broadcastState and onBroadcast");
  }
  return (context, out) => new ConnectedProcessOperator(definition as AnyDefinition, options, context, out);
}

/** A process operator for the main stream, and replicated state for the broadcast one beside it. */
class ConnectedProcessOperator implements Operator {
  private readonly main: PlainProcessOperator | KeyedProcessOperator;
  private readonly cursor: Cursor;
  private readonly definition: AnyDefinition;
  private readonly runs: Runs<BroadcastContext<BroadcastDescriptors>>;
  readonly #state: OperatorState;

  constructor(
    definition: AnyDefinition,
    options: ProcessOptions & { readonly keyOf?: ((value: never) => Key) | undefined },
    context: OperatorContext,
    out: Collector<unknown>,
  ) {
    const { uid, subtask, parallelism } = context;
    const { keyOf, checkMutations = false } = options;
    const guard = checkMutations ? new MutationGuard() : undefined;
    const owner = { uid, subtask, parallelism, guard };
    this.definition = definition;
    this.cursor = context.cursor;
    this.#state = new OperatorState(owner, definition.broadcastState);
    const view = (invocation: Invocation) => readOnly(this.#state.bind<BroadcastDescriptors>(invocation));
    if (keyOf === undefined) {
      const plain = definition as ProcessDefinition<unknown, OperatorDescriptors>;
      assertApart(uid, plain.state ?? {}, definition.broadcastState);
      this.main = new PlainProcessOperator(plain, checkMutations, context, out, view);
    } else {
      const keyed = definition as unknown as KeyedProcessDefinition<unknown, Key, KeyedDescriptors>;
      const keys = { keyOf: keyOf as (value: unknown) => Key, checkMutations };
      this.main = new KeyedProcessOperator(keyed, keys, context, out, view);
    }
    this.runs = new Runs<BroadcastContext<BroadcastDescriptors>>([definition.onBroadcast], context, guard, () => {
      const invocation = new Invocation(uid);
      const sides = new Map<string, never>();
      const broadcast = (of: Invocation) => this.#state.bind<BroadcastDescriptors>(of);
      const ctx = new RunContext<undefined, unknown>(invocation, undefined, context, nothing(uid), { sides, broadcast });
      return { invocation, ctx: ctx as unknown as BroadcastContext<BroadcastDescriptors> };
    });
  }

  process(value: unknown): void {
    if (this.cursor.port !== broadcastPort) return this.main.process(value);
    const run = this.runs.next();
    run.invocation.beginUnkeyed(-1, this.cursor.timestamp);
    this.runs.returned(run, this.definition.onBroadcast(value, run.ctx) as unknown, value);
  }

  /** Processing a record threw, whichever input it came by: what it began is over. */
  failed(): void {
    this.runs.close();
    this.main.failed();
  }

  nextEventTimer(): number {
    return this.main instanceof KeyedProcessOperator ? this.main.nextEventTimer() : Infinity;
  }

  fireEventTimer(): void {
    if (this.main instanceof KeyedProcessOperator) this.main.fireEventTimer();
  }

  nextProcessingTimer(): number {
    return this.main instanceof KeyedProcessOperator ? this.main.nextProcessingTimer() : Infinity;
  }

  fireProcessingTimer(): void {
    if (this.main instanceof KeyedProcessOperator) this.main.fireProcessingTimer();
  }

  finish(): void {
    this.main.finish();
  }

  snapshot(checkpointId: CheckpointId): readonly SnapshotPart[] {
    return [...this.main.snapshot(checkpointId), ...this.#state.snapshot()];
  }

  completed(checkpoint: CheckpointId): void {
    if (this.main instanceof KeyedProcessOperator) this.main.completed(checkpoint);
  }

  /** Parts that neither has a state for are refused by the one they can only belong to. */
  restore(parts: readonly RestoredPart[]): void {
    const keyed = this.main instanceof KeyedProcessOperator;
    const isBroadcast = ({ scope, name }: RestoredPart) =>
      scope === "replicate" && (keyed || Object.hasOwn(this.definition.broadcastState, name));
    this.#state.restore(parts.filter(isBroadcast));
    this.main.restore(parts.filter((part) => !isBroadcast(part)));
  }

  async load(parts: readonly StoredPart[]): Promise<void> {
    if (this.main instanceof KeyedProcessOperator) return await this.main.load(parts);
    throw new SluiceError(
      "STATE_UNKNOWN",
      `the snapshot holds keyed state of an operator that has no key any more; put the keyBy back, or start without it`,
    );
  }

  close(): void {
    this.main.close();
    this.runs.close();
  }
}

function readOnly(handles: StateHandles<BroadcastDescriptors>): Record<string, Pick<ValueState<unknown>, "get">> {
  const views: Record<string, Pick<ValueState<unknown>, "get">> = {};
  for (const [name, handle] of Object.entries(handles)) views[name] = { get: () => handle.get() };
  return views;
}

function assertApart(uid: string, state: OperatorDescriptors, broadcastState: BroadcastDescriptors): void {
  const both = Object.keys(state).filter((name) => Object.hasOwn(broadcastState, name));
  if (both.length === 0) return;
  throw new SluiceError(
    "STATE_NAME",
    `operator ${uid} declares ${both.join(", ")} both in state and in broadcastState; rename one`,
  );
}

/** Where a broadcast record's results would go. */
function nothing(uid: string): Collector<unknown> {
  return {
    collect() {
      throw new SluiceError(
        "BROADCAST_EMITS",
        `onBroadcast of operator ${uid} emitted a record: every subtask would, so it can only change broadcast state`,
      );
    },
  };
}
