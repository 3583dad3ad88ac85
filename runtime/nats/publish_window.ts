import { headers, type JetStreamClient } from "nats";
import type { OutgoingMessage } from "./atomic_batch.ts";
import { OpenWrites } from "./open_writes.ts";

/** How many messages may be unconfirmed at once. */
const windowMessages = 256;

/**
 * Publishes one by one, in order, with up to 256 messages on their way to being confirmed. A message that fails makes `settled`
 * reject; those behind it may have been stored.
 */
export class PublishWindow {
  readonly #jetstream: JetStreamClient;
  readonly #timeoutMs: number;
  readonly #open = new OpenWrites(windowMessages);

  constructor(jetstream: JetStreamClient, timeoutMs: number) {
    this.#jetstream = jetstream;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends one; a promise means: no more until it settles. `id`: the server drops a second message of that id for a while. */
  publish(message: OutgoingMessage, id?: string): void | Promise<void> {
    const fields = headers();
    for (const [name, value] of Object.entries(message.headers ?? {})) fields.set(name, value);
    const options = { headers: fields, timeout: this.#timeoutMs, ...(id === undefined ? {} : { msgID: id }) };
    this.#open.add(this.#jetstream.publish(message.subject, message.data, options));
    return this.#open.room();
  }

  /** Settles when everything sent so far is confirmed; rejects when something was not. */
  settled(): Promise<void> {
    return this.#open.settled();
  }
}
