import { NO_WATERMARK } from "../graph/frame.ts";
import type { OperatorContext } from "../graph/operator.ts";
import type { Invocation } from "../state/invocation.ts";
import type { MutationGuard } from "../state/mutation_guard.ts";

/** An invocation with what the handler is given. */
export interface Run<Ctx> {
  readonly invocation: Invocation;
  readonly ctx: Ctx;
}

/** Any function of a definition. */
type Handler = ((...args: never[]) => unknown) | undefined;

/**
 * Runs handlers, one after another, and sees to it that a context lives no longer than its run.
 *
 * As long as handlers are synchronous, all runs share one context: no code of an earlier run can come in while a later one is
 * going on. Where a handler is an `async` function, or has once returned a promise, every run gets a context of its own, which
 * dies with it. (So only one thing goes unseen: a promise that a synchronous run left behind and that acts during the very first
 * run that returns a promise without being `async`.)
 */
export class Runs<Ctx> {
  readonly #context: OperatorContext;
  private readonly guard: MutationGuard | undefined;
  readonly #create: () => Run<Ctx>;
  private current: Run<Ctx>;
  private shared: boolean;

  constructor(
    handlers: readonly Handler[],
    context: OperatorContext,
    guard: MutationGuard | undefined,
    create: () => Run<Ctx>,
  ) {
    this.shared = !handlers.some(isAsyncFunction);
    this.#context = context;
    this.guard = guard;
    this.#create = create;
    this.current = create();
  }

  /** What the next handler runs with; its invocation is still to begin. */
  next(): Run<Ctx> {
    if (!this.shared) this.current = this.#create();
    return this.current;
  }

  /** The handler has returned `result`, for a record if there is one. */
  returned(run: Run<Ctx>, result: unknown, record?: unknown): void {
    if (typeof result === "object" && result !== null && isThenable(result)) return this.#suspend(run, result, record);
    this.over(run);
  }

  private over(run: Run<Ctx>): void {
    run.invocation.end();
    if (this.guard !== undefined) this.guard.check();
  }

  /** The attempt ends: what still runs is stale from now on. */
  close(): void {
    this.current.invocation.end();
  }

  #suspend(run: Run<Ctx>, pending: PromiseLike<unknown>, record: unknown): void {
    this.shared = false;
    const settled = Promise.resolve(pending).then(
      () => this.over(run),
      (error: unknown) => {
        run.invocation.end();
        throw error;
      },
    );
    this.#context.suspend(settled, record);
  }
}

/** The event time of what is emitted at the end of input: NaN where there was none. */
export function endTime(watermark: number): number {
  return watermark === NO_WATERMARK ? Number.NaN : watermark;
}

function isAsyncFunction(handler: Handler): boolean {
  return Object.prototype.toString.call(handler) === "[object AsyncFunction]";
}

function isThenable(value: object): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown }).then === "function";
}
