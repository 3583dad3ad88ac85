import type { Cursor } from "../graph/operator.ts";
import { type Next, nowhere } from "./chain.ts";

/** What hands records over. */
export interface Sender {
  /** How many more records it may hand over now. */
  room: number;
  /** No more from now on. */
  close(): void;
}

/** What an entrance tells its subtask. */
export interface EntranceOwner {
  /** So many records were handed over: what is done once a turn is still to be done. */
  handedOver(records: number): void;
  fail(error: unknown): void;
}

/**
 * The way into a subtask past its input channels, for senders in the same thread. A record that is handed over is processed at
 * once, in the turn of its sender: it is never under way, so no barrier can pass it and no snapshot holds it.
 *
 * It is open only while the subtask could read the record at once if it came in a frame: the subtask runs and takes input,
 * nothing waits at any of its inputs, and no checkpoint has begun here without all its barriers, or the other way round.
 */
export class Entrance {
  readonly cursor: Cursor;
  /** Where records enter. */
  entry: Next = nowhere;
  #open = false;
  readonly #senders: Sender[] = [];
  readonly #owner: EntranceOwner;

  constructor(cursor: Cursor, owner: EntranceOwner) {
    this.cursor = cursor;
    this.#owner = owner;
  }

  open(): void {
    this.#open = true;
  }

  /** Takes back what was allowed. */
  close(): void {
    this.#open = false;
    for (const sender of this.#senders) sender.close();
    this.#senders.length = 0;
  }

  /** Allows a sender so many records, for the turn that it begins. */
  admit(sender: Sender, records: number): void {
    if (!this.#open) return;
    sender.room = records;
    this.#senders.push(sender);
  }

  /** The turn of a sender is over. */
  left(sender: Sender, records: number): void {
    const at = this.#senders.indexOf(sender);
    if (at >= 0) this.#senders.splice(at, 1);
    if (records > 0) this.#owner.handedOver(records);
  }

  /** Processing a record that was handed over has failed: that is a failure of this subtask, not of the sender. */
  fail(error: unknown): void {
    this.close();
    this.#owner.fail(error);
  }
}
