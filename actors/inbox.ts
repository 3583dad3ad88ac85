import type { ActorContext, Behavior } from "./behavior.ts";
import { isPromise } from "./handler.ts";
import type { DataLane } from "./lane.ts";
import { Ring } from "./ring.ts";

/**
 * The data lane of an ordinary actor: messages in the order in which they came, up to a bound. What happens to a message
 * that does not fit is the cell's affair.
 */
export class Inbox<M> implements DataLane {
  private readonly waiting = new Ring<M>();
  private readonly capacity: number;
  private readonly loop: { readonly interrupted: boolean };
  private behavior: Behavior<M> | undefined;
  private context: ActorContext<M> | undefined;
  /** The message that is being handled, or was when the handler failed. */
  inHand: M | undefined;

  constructor(capacity: number, loop: { readonly interrupted: boolean }) {
    this.capacity = capacity;
    this.loop = loop;
  }

  /** Who gets the messages from now on. */
  attach(behavior: Behavior<M>, context: ActorContext<M>): void {
    this.behavior = behavior;
    this.context = context;
  }

  get ready(): boolean {
    return this.waiting.length > 0;
  }

  /** Takes a message in; false when it is full. */
  offer(message: M): boolean {
    if (this.waiting.length >= this.capacity) return false;
    this.waiting.push(message);
    return true;
  }

  /** Puts a message at the front, also beyond the bound. */
  putBack(message: M): void {
    this.waiting.unshift(message);
  }

  dropOldest(): M {
    return this.waiting.shift() as M;
  }

  run(maxSteps: number): number | Promise<number> {
    const behavior = this.behavior!;
    const context = this.context!;
    let steps = 0;
    while (steps < maxSteps && this.waiting.length > 0) {
      const message = this.waiting.shift() as M;
      this.inHand = message;
      steps++;
      const outcome = behavior.receive(message, context);
      if (outcome !== undefined && isPromise(outcome)) return Promise.resolve(outcome).then(() => steps);
      // Also ends the turn of an actor that has just stopped itself: its stop is control.
      if (this.loop.interrupted) break;
    }
    this.inHand = undefined;
    return steps;
  }

  close(): readonly M[] {
    return this.waiting.drain();
  }
}
