import { headers, type JetStreamClient } from "nats";
import type { OutgoingMessage } from "./atomic_batch.ts";
import { explainDenial } from "./denial.ts";
import { OpenWrites } from "./open_writes.ts";

/** How many messages may be unconfirmed at once. */
const windowMessages = 256;

/**
 * Publishes one by one, in order, with up to 256 messages on their way to being confirmed. A message that fails makes `settled`
 * reject; those behind it may have been stored.
 */
export class PublishWindow {
  readonly #jetstream: JetStreamClient;
  readonly #who: string;
  readonly #timeoutMs: number;
  readonly #open = new OpenWrites(windowMessages);

  /** @param who publishes: `sink totals` */
  constructor(jetstream: JetStreamClient, who: string, timeoutMs: number) {
    this.#jetstream = jetstream;
    this.#who = who;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends one; a promise means: no more until it settles. `id`: the server drops a second message of that id for a while. */
  publish(message: OutgoingMessage, id?: string): void | Promise<void> {
    const fields = headers();
    for (const [name, value] of Object.entries(message.headers ?? {})) fields.set(name, value);
    const options = { headers: fields, timeout: this.#timeoutMs, ...(id === undefined ? {} : { msgID: id }) };
    const published = this.#jetstream.publish(message.subject, message.data, options);
    this.#open.add(published.catch((error: unknown) => Promise.reject(explainDenial(error, this.#who))));
    return this.#open.room();
  }

  /** Settles when everything sent so far is confirmed; rejects when something was not. */
  settled(): Promise<void> {
    return this.#open.settled();
  }
}
