import { type ActorContext, type ActorRef, type Behavior, type ReplyTo, type Signal } from "sluice/actors";
import { Account, type AccountMessage, type Journal } from "./account.ts";

/** What the bank can be told. */
export type BankMessage =
  | { readonly kind: "open"; readonly owner: string; readonly replyTo: ReplyTo<ActorRef<AccountMessage>> }
  | { readonly kind: "close"; readonly owner: string };

/** Supervises the accounts: each is restarted by itself when it fails, and watched, so that the bank learns of its end. */
export class Bank implements Behavior<BankMessage> {
  readonly #journals: Map<string, Journal>;
  readonly #accounts = new Map<string, ActorRef<AccountMessage>>();

  constructor(journals: Map<string, Journal>) {
    this.#journals = journals;
  }

  receive(message: BankMessage, context: ActorContext<BankMessage>): void {
    const known = this.#accounts.get(message.owner);
    switch (message.kind) {
      case "open":
        return message.replyTo.tell(known ?? this.#open(message.owner, context));
      case "close":
        return known === undefined ? undefined : context.stop(known);
      default:
        message satisfies never;
    }
  }

  signal({ ref, reason }: Signal, context: ActorContext<BankMessage>): void {
    for (const [owner, account] of this.#accounts) {
      if (account.address.id !== ref.address.id) continue;
      this.#accounts.delete(owner);
      context.log("info", `the account of ${owner} is closed (${reason.kind})`);
    }
  }

  #open(owner: string, context: ActorContext<BankMessage>): ActorRef<AccountMessage> {
    const journal = this.#journals.get(owner) ?? [];
    this.#journals.set(owner, journal);
    const account = context.spawn(owner, () => new Account(journal), { restart: "permanent" });
    context.watch(account);
    this.#accounts.set(owner, account);
    return account;
  }
}
