import { headers, type JetStreamClient } from "nats";
import type { OutgoingMessage } from "./atomic_batch.ts";

/** How many messages may be unconfirmed at once. */
const windowMessages = 256;

/**
 * Publishes one by one, in order, with up to 256 messages on their way to being confirmed. A message that fails makes `settled`
 * reject; those behind it may have been stored.
 */
export class PublishWindow {
  readonly #jetstream: JetStreamClient;
  readonly #timeoutMs: number;
  #open = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(jetstream: JetStreamClient, timeoutMs: number) {
    this.#jetstream = jetstream;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends one; a promise means: no more until it settles. `id`: the server drops a second message of that id for a while. */
  publish(message: OutgoingMessage, id?: string): void | Promise<void> {
    const fields = headers();
    for (const [name, value] of Object.entries(message.headers ?? {})) fields.set(name, value);
    const options = { headers: fields, timeout: this.#timeoutMs, ...(id === undefined ? {} : { msgID: id }) };
    this.#open++;
    this.#jetstream.publish(message.subject, message.data, options).then(
      () => this.#confirmed(),
      (error: unknown) => {
        this.#failure ??= { error };
        this.#confirmed();
      },
    );
    if (this.#failure !== undefined || this.#open >= windowMessages) return this.#until(() => this.#open < windowMessages / 2);
  }

  /** Settles when everything sent so far is confirmed; rejects when something was not. */
  settled(): Promise<void> {
    return this.#until(() => this.#open === 0);
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached() && this.#failure === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #confirmed(): void {
    this.#open--;
    this.#wake?.();
  }
}
