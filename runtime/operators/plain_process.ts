import type { Collector, Cursor, Operator, OperatorContext, RestoredPart, SnapshotPart } from "../graph/operator.ts";
import type { OperatorDescriptors, StateHandles } from "../state/descriptor.ts";
import { Invocation } from "../state/invocation.ts";
import { MutationGuard } from "../state/mutation_guard.ts";
import { OperatorState, readOperatorParts, writeOperatorPart } from "../state/operator_state.ts";
import type { ProcessDefinition } from "./process.ts";
import type { ProcessContext } from "./process_context.ts";
import { RunContext, type RunExtras, sidesOf } from "./run_context.ts";
import { endTime, Runs } from "./runs.ts";

type Context = ProcessContext<OperatorDescriptors, unknown>;

/** The part that says whether `onEnd` has run. */
const endedPart = "~ended";

/** Runs a process function without keys. */
export class PlainProcessOperator implements Operator {
  private readonly definition: ProcessDefinition<unknown, OperatorDescriptors>;
  private readonly cursor: Cursor;
  private readonly runs: Runs<Context>;
  /** `onEnd` has run, and nothing has come since. */
  private ended = false;
  readonly #context: OperatorContext;
  readonly #state: OperatorState;

  constructor(
    definition: ProcessDefinition<unknown, OperatorDescriptors>,
    checkMutations: boolean,
    context: OperatorContext,
    out: Collector<unknown>,
    broadcast?: RunExtras["broadcast"],
  ) {
    const { uid, subtask, parallelism } = context;
    const guard = checkMutations ? new MutationGuard() : undefined;
    this.definition = definition;
    this.cursor = context.cursor;
    this.#context = context;
    this.#state = new OperatorState({ uid, subtask, parallelism, guard }, definition.state ?? {});
    const extras: RunExtras = { sides: sidesOf(definition.sides, context), broadcast };
    this.runs = new Runs<Context>([definition.onRecord, definition.onEnd], context, guard, () => {
      const invocation = new Invocation(uid);
      const state = this.#state.bind<OperatorDescriptors>(invocation);
      return {
        invocation,
        ctx: new RunContext<StateHandles<OperatorDescriptors>, unknown>(invocation, state, context, out, extras),
      };
    });
  }

  process(value: unknown): void {
    if (this.ended) this.ended = false;
    const run = this.runs.next();
    run.invocation.beginUnkeyed(this.cursor.keyGroup, this.cursor.timestamp);
    this.runs.returned(run, this.definition.onRecord(value, run.ctx), value);
  }

  /** Processing a record threw: what it began is over. */
  failed(): void {
    this.runs.close();
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

  snapshot(): readonly SnapshotPart[] {
    const parts = this.#state.snapshot();
    if (this.definition.onEnd === undefined) return parts;
    const { uid, parallelism } = this.#context;
    return [...parts, writeOperatorPart(uid, "split", endedPart, { parallelism, description: "", content: this.ended })];
  }

  restore(parts: readonly RestoredPart[]): void {
    this.#state.restore(parts);
    const { uid, subtask, parallelism } = this.#context;
    const ended = readOperatorParts(uid, parts.filter(({ name }) => name === endedPart));
    const olds = [...ended.values()];
    this.ended = olds[0]?.parallelism === parallelism
      ? ended.get(subtask)?.content === true
      : olds.length > 0 && olds.every(({ content }) => content === true);
  }

  close(): void {
    this.runs.close();
  }
}
