import { ask } from "./ask.ts";
import type { Cell } from "./cell.ts";
import type { ActorRef, Address, Answer, AskOptions, Question } from "./ref.ts";
import type { ActorSystem } from "./system.ts";
import { type Watched, watched } from "./watch.ts";

/** An actor of this process, whatever its messages. */
export interface LocalActor {
  readonly home: { readonly system: ActorSystem };
  readonly parent: { readonly path: string } | undefined;
  /** Stops it; it is not restarted. */
  stopForGood(): void;
}

/** The runtime's way from a ref to the actor behind it. */
const cell: unique symbol = Symbol("cell");

/** A ref to an actor of this process. */
export class LocalRef<M> implements ActorRef<M> {
  readonly address: Address;
  readonly [cell]: Cell<M>;

  constructor(address: Address, of: Cell<M>) {
    this.address = address;
    this[cell] = of;
  }

  tell(message: M): void {
    this[cell].tell(message);
  }

  ask<const Q extends Question<M>>(question: Q, options?: AskOptions): Promise<Answer<M, Q>> {
    return ask(this[cell].home, this, question, options) as Promise<Answer<M, Q>>;
  }

  get [watched](): Watched {
    return this[cell].watchers;
  }

  toString(): string {
    return printAddress(this.address);
  }
}

/** The actor behind a ref; `undefined` when it is not in this process. */
export function actorOf(ref: ActorRef<never>): LocalActor | undefined {
  const local: unknown = ref;
  return local instanceof LocalRef ? local[cell] : undefined;
}

/** An address as refs print it. */
export function printAddress({ system, path, id }: Address): string {
  return `${system}/${path}#${id}`;
}
