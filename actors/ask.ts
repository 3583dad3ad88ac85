import type { Clock, Timer } from "./clock.ts";
import { messageOf, SluiceError } from "./error.ts";
import type { AskOptions, ReplyTo } from "./ref.ts";

/** The runtime's way to answer a question with a failure. */
export const refuse: unique symbol = Symbol("refuse");

/** A `replyTo` that the runtime made. */
export interface Refusable {
  [refuse](cause: unknown): void;
}

/** What asking needs of the system. */
export interface Asking {
  readonly clock: Clock;
  readonly askTimeoutMs: number;
  /** Questions without an answer, by correlation id. */
  readonly questions: Map<number, PendingQuestion>;
  nextId(): number;
}

/** A question under way: the `replyTo` of its message. Once it has its answer its correlation id is retired. */
export class PendingQuestion implements ReplyTo<unknown>, Refusable {
  readonly id: number;
  readonly #asking: Asking;
  readonly #to: string;
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (error: SluiceError) => void;
  readonly #timer: Timer;
  readonly #signal: AbortSignal | undefined;

  constructor(
    asking: Asking,
    to: string,
    options: AskOptions,
    resolve: (answer: unknown) => void,
    reject: (error: SluiceError) => void,
  ) {
    const timeoutMs = options.timeoutMs ?? asking.askTimeoutMs;
    this.id = asking.nextId();
    this.#asking = asking;
    this.#to = to;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    this.#timer = asking.clock.setTimer(timeoutMs, () => {
      this.#fail("ASK_TIMEOUT", `no answer from ${to} within ${timeoutMs} ms`);
    });
    asking.questions.set(this.id, this);
    options.signal?.addEventListener("abort", this.#aborted);
  }

  tell(reply: unknown): void {
    if (this.#retire()) this.#resolve(reply);
  }

  [refuse](cause: unknown): void {
    this.#fail("ASK_FAILED", `${this.#to} did not answer: ${messageOf(cause)}`, cause);
  }

  readonly #aborted = (): void => {
    this.#fail("ASK_ABORTED", `the question to ${this.#to} was aborted`, this.#signal?.reason);
  };

  #fail(code: string, message: string, cause?: unknown): void {
    if (this.#retire()) this.#reject(new SluiceError(code, message, { cause }));
  }

  /** False when the question is over already: what comes late is dropped. */
  #retire(): boolean {
    if (!this.#asking.questions.delete(this.id)) return false;
    this.#timer.cancel();
    this.#signal?.removeEventListener("abort", this.#aborted);
    return true;
  }
}

/** What a question is put to: a ref of any message type. */
interface Told {
  tell(message: unknown): void;
  toString(): string;
}

/** Asks through `ref`: see `ActorRef.ask`. */
export function ask(asking: Asking, ref: Told, question: object, options: AskOptions = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(new SluiceError("ASK_ABORTED", `the question to ${ref} was aborted`, { cause: options.signal.reason }));
      return;
    }
    const timeoutMs = options.timeoutMs ?? asking.askTimeoutMs;
    if (!(timeoutMs >= 0)) {
      reject(new SluiceError("OPTION_OUT_OF_RANGE", `ask: timeoutMs must be at least 0, not ${timeoutMs}`));
      return;
    }
    const replyTo = new PendingQuestion(asking, String(ref), options, resolve, reject);
    try {
      ref.tell({ ...question, replyTo });
    } catch (error) {
      replyTo[refuse](error);
    }
  });
}

/** If the message is a question, its asker learns that there will be no answer. */
export function refuseQuestion(message: unknown, cause: unknown): void {
  if (typeof message !== "object" || message === null) return;
  const replyTo = (message as { readonly replyTo?: unknown }).replyTo;
  if (typeof replyTo === "object" && replyTo !== null && refuse in replyTo) (replyTo as Refusable)[refuse](cause);
}
