import type { JsMsg } from "nats";

/** A message of a stream, as a source's `record` function sees it. */
export interface StreamMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Its place in the stream. */
  readonly sequence: number;
  /** When the server stored it, in milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** All values of a header; none: an empty list. */
  header(name: string): readonly string[];
}

/** A copy that does not hold on to the connection's buffers. */
export function streamMessage(message: JsMsg): StreamMessage {
  const { headers } = message;
  return {
    subject: message.subject,
    data: message.data.slice(),
    sequence: message.seq,
    timestampMs: Math.floor(message.info.timestampNanos / 1_000_000),
    header: (name) => headers?.values(name) ?? [],
  };
}
