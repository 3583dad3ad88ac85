/** A subscription that can be ended. */
export interface Subscription {
  /** Ends it: the handler is not called again. A second call does nothing. */
  unsubscribe(): void;
}

/** A message that arrived. */
export interface Delivery {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** Where an answer goes, when the sender asked for one. */
  readonly replyTo: string | undefined;
}

/**
 * Messages between processes. Subjects are dot-separated tokens of `[A-Za-z0-9_-]`.
 *
 * - **Order:** what one transport publishes on one subject arrives in that order, to every subscriber.
 * - **Loss:** allowed (a connection that breaks loses what is under way), never silent corruption of the order.
 * - **Bytes:** the caller must not change them after `publish`; a handler must copy what it keeps.
 */
export interface Transport {
  /** The largest message in bytes that `publish` takes. May change with the connection. */
  readonly maxPayloadBytes: number;
  /** Whether its own connection stands. While it does not, what is published is lost, and others' silence means nothing. */
  readonly connected: boolean;
  /** Sends. Throws when the message is over `maxPayloadBytes` or the transport is closed; never waits. */
  publish(subject: string, bytes: Uint8Array, replyTo?: string): void;
  /** Calls `handler` for each message on `subject` from now on. */
  subscribe(subject: string, handler: (delivery: Delivery) => void): Subscription;
  /** Settles when everything published and subscribed so far has reached the other side. */
  flush(): Promise<void>;
  /** Sends and waits for one answer; rejects after `timeoutMs`. */
  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Ends all subscriptions. A second call does nothing. */
  close(): Promise<void>;
}
