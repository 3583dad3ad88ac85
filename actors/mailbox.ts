import type { ActorContext, Behavior, Overflow } from "./behavior.ts";
import { Inbox } from "./inbox.ts";
import type { DataLane } from "./lane.ts";
import { Ring } from "./ring.ts";
import { TimerMessage } from "./timer_message.ts";
import { Watch } from "./watch.ts";

/** What waits in the control lane: a message, a timer that is due, the end of a watched actor. */
export type ControlItem<M> = M | TimerMessage<M> | Watch;

/**
 * The two lanes of an actor. Passive: it wakes nobody and sends no dead letters; what it gives back is the caller's to deal with.
 *
 * - **Order:** each lane is first in, first out.
 * - **Priority:** the caller empties the control lane before it runs the data lane.
 * - **Capacity:** the inbox is bounded, the control lane never refuses: it holds timers and signals, of which an actor has as
 *   many as it asked for, and what is told to an actor with a lane of its own.
 * - **Restarts:** unread messages stay; a lane of an actor's own is closed with each life.
 */
export class Mailbox<M> {
  readonly control = new Ring<ControlItem<M>>();
  /** Where messages go; `undefined` for an actor with a lane of its own, to which every message is control. */
  inbox: Inbox<M> | undefined;
  lane: DataLane;
  /** The control message that is being handled, or was when the handler failed. */
  controlInHand: M | undefined;
  readonly #capacity: number;
  readonly #loop: { readonly interrupted: boolean };

  constructor(capacity: number, loop: { readonly interrupted: boolean }) {
    this.#capacity = capacity;
    this.#loop = loop;
    this.inbox = new Inbox(capacity, loop);
    this.lane = this.inbox;
  }

  /** From now on the messages go to this behaviour. */
  attach(behavior: Behavior<M>, context: ActorContext<M>): void {
    this.inbox ??= new Inbox(this.#capacity, this.#loop);
    this.inbox.attach(behavior, context);
    this.lane = this.inbox;
  }

  /** From now on messages are control, and the data lane is one of the actor's own. */
  attachLane(lane: () => DataLane): void {
    // What was told before it was known to have a lane of its own is older than what was told since.
    for (const message of this.inbox?.close().toReversed() ?? []) this.control.unshift(message);
    this.inbox = undefined;
    this.lane = lane();
  }

  /** Takes a message into a full inbox, or not. Returns the one that is lost for it. */
  displace(message: M, overflow: Exclude<Overflow, "fail">): M {
    if (overflow === "drop-newest" || this.inbox === undefined) return message;
    const oldest = this.inbox.dropOldest();
    this.inbox.offer(message);
    return oldest;
  }

  /** Messages that had been put aside come back to the front, also beyond the bound. */
  putBack(messages: readonly M[]): void {
    for (const message of messages.toReversed()) {
      if (this.inbox === undefined) this.control.unshift(message);
      else this.inbox.putBack(message);
    }
  }

  /** The handler is done with what it had in hand. */
  handled(): void {
    this.controlInHand = undefined;
    if (this.inbox !== undefined) this.inbox.inHand = undefined;
  }

  /** Takes what the handler had in hand when it failed. */
  takeInHand(): readonly M[] {
    const inHand = [this.controlInHand, this.inbox?.inHand].filter((message) => message !== undefined);
    this.handled();
    return inHand;
  }

  /** The actor is gone for good: returns the messages that nobody read. */
  close(): readonly M[] {
    const unread = [...this.control.drain().filter(isMessage), ...this.inbox?.close() ?? []];
    this.inbox = undefined;
    return unread;
  }
}

/** Whether a control item is a message, and no timer or signal of one life. */
export function isMessage<M>(item: ControlItem<M>): item is M {
  return !(item instanceof TimerMessage || item instanceof Watch);
}
