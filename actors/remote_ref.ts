import { ask, type Asking, type Refusable, refuse } from "./ask.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import { printAddress } from "./local_ref.ts";
import type { ActorRef, Address, Answer, AskOptions, Question, ReplyTo } from "./ref.ts";
import { type Watched, watched } from "./watch.ts";

/** The way to other systems, as refs need it. None of it throws. */
export interface Remoteness {
  readonly home: Asking;
  tell(address: Address, message: unknown): void;
  reply(system: string, question: number, message: unknown): void;
  refuse(system: string, question: number, cause: unknown): void;
  deathOf(address: Address): Watched;
  lose(address: Address, message: unknown, reason: DeadLetterReason): void;
}

/** A ref to an actor of another system, or to one of this system that is no more. */
export class RemoteRef<M> implements ActorRef<M> {
  readonly address: Address;
  readonly #remoteness: Remoteness;

  constructor(address: Address, remoteness: Remoteness) {
    this.address = address;
    this.#remoteness = remoteness;
  }

  tell(message: M): void {
    this.#remoteness.tell(this.address, message);
  }

  ask<const Q extends Question<M>>(question: Q, options?: AskOptions): Promise<Answer<M, Q>> {
    return ask(this.#remoteness.home, this, question, options) as Promise<Answer<M, Q>>;
  }

  get [watched](): Watched {
    return this.#remoteness.deathOf(this.address);
  }

  toString(): string {
    return printAddress(this.address);
  }
}

/** The `replyTo` of a question that another system's actor asked. */
export class RemoteReply implements ReplyTo<unknown>, Refusable {
  readonly system: string;
  readonly question: number;
  readonly #remoteness: Remoteness;

  constructor(system: string, question: number, remoteness: Remoteness) {
    this.system = system;
    this.question = question;
    this.#remoteness = remoteness;
  }

  tell(reply: unknown): void {
    this.#remoteness.reply(this.system, this.question, reply);
  }

  [refuse](cause: unknown): void {
    this.#remoteness.refuse(this.system, this.question, cause);
  }
}
