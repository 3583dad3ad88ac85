import type { ActorContext, Behavior, ReplyTo } from "sluice/actors";

/** What an account can be told. */
export type AccountMessage =
  | { readonly kind: "deposit"; readonly cents: number }
  | { readonly kind: "withdraw"; readonly cents: number; readonly replyTo: ReplyTo<WithdrawReply> }
  | { readonly kind: "balance"; readonly replyTo: ReplyTo<number> };

export type WithdrawReply = { readonly kind: "paid"; readonly left: number } | {
  readonly kind: "refused";
  readonly left: number;
};

/** The app's own storage, such as a table of its database: what an account remembers over a crash. */
export type Journal = number[];

/**
 * One account, one actor: messages are handled one at a time, so nothing has to be locked.
 *
 * It lets itself crash on what it does not understand. Its supervisor starts a new one, which reads the journal; the messages
 * that waited in the mailbox meanwhile are still there.
 */
export class Account implements Behavior<AccountMessage> {
  readonly #journal: Journal;
  #balance = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  start(context: ActorContext<AccountMessage>): void {
    this.#balance = this.#journal.reduce((sum, cents) => sum + cents, 0);
    context.log("info", `opens with ${this.#journal.length} journal entries`);
  }

  receive(message: AccountMessage): void {
    switch (message.kind) {
      case "deposit":
        return this.#book(message.cents);
      case "withdraw": {
        const enough = message.cents <= this.#balance;
        if (enough) this.#book(-message.cents);
        return message.replyTo.tell({ kind: enough ? "paid" : "refused", left: this.#balance });
      }
      case "balance":
        return message.replyTo.tell(this.#balance);
      default:
        message satisfies never;
    }
  }

  #book(cents: number): void {
    if (!Number.isSafeInteger(cents)) throw new RangeError(`${cents} is no amount of cents`);
    this.#journal.push(cents);
    this.#balance += cents;
  }
}
