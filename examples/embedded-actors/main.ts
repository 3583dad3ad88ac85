/**
 * Actors inside an ordinary program: no server, no configuration. One of them crashes, its supervisor starts it again, and the
 * message that came after the bad one is answered as if nothing had happened.
 *
 * ```sh
 * npx tsx examples/embedded-actors/main.ts
 * ```
 *
 * prints
 *
 * ```text
 * info: bank/ann: opens with 0 journal entries
 * ann withdraws 3000: paid, 7000 left
 * error: bank/ann: failed: NaN is no amount of cents
 * info: bank/ann: opens with 2 journal entries
 * ann withdraws 2000: paid, 5000 left
 * ann withdraws 6000: refused, 5000 left
 * info: bank: the account of ann is closed (normal)
 * ```
 */
import { createSystem } from "sluice/actors";
import type { Journal } from "./account.ts";
import { Bank } from "./bank.ts";

await using system = createSystem({
  name: "app",
  logger: ({ level, from, message, cause }) => {
    if (level === "debug") return;
    console.log(`${level}: ${from}: ${message}${cause instanceof Error ? `: ${cause.message}` : ""}`);
  },
});

const journals = new Map<string, Journal>();
const bank = system.spawn("bank", () => new Bank(journals), { restart: "permanent" });
const ann = await bank.ask({ kind: "open", owner: "ann" });

const withdraw = async (cents: number): Promise<string> => {
  const { kind, left } = await ann.ask({ kind: "withdraw", cents });
  return `ann withdraws ${cents}: ${kind}, ${left} left`;
};

ann.tell({ kind: "deposit", cents: 10_000 });
console.log(await withdraw(3_000));

ann.tell({ kind: "deposit", cents: Number.NaN }); // crashes the account
console.log(await withdraw(2_000)); // has waited in its mailbox for the new one
console.log(await withdraw(6_000));

bank.tell({ kind: "close", owner: "ann" });
await system.whenStopped(ann);
