/**
 * Sluice on NATS: connections and the transport that carries actors' messages, frames and control.
 *
 * ```ts ignore
 * import { connectNats, NatsTransport } from "sluice/nats";
 *
 * const transport = new NatsTransport(await connectNats({ servers: "nats://127.0.0.1:4222" }), { ownsConnection: true });
 * ```
 *
 * @module
 */
export { connectNats, withoutSecrets } from "./connect.ts";
export { natsContext } from "./context.ts";
export { jetStreamSink } from "./jetstream_sink.ts";
export { jetStreamSource } from "./jetstream_source.ts";
export { kvSink } from "./kv_sink.ts";
export { kvSource } from "./kv_source.ts";
export { NatsKeyValue } from "./nats_key_value.ts";
export { NatsTransport } from "./transport.ts";
export type { NatsOptions } from "./connect.ts";
export type { JetStreamSinkOptions } from "./jetstream_sink.ts";
export type { JetStreamSourceOptions } from "./jetstream_source.ts";
export type { KvSinkOptions } from "./kv_sink.ts";
export type { KvChange, KvSourceOptions } from "./kv_source.ts";
export type { NatsKeyValueOptions } from "./nats_key_value.ts";
export type { NatsPlace } from "./connection_hold.ts";
export type { StreamMessage } from "./stream_message.ts";
export type { DataLossPolicy, StreamPosition } from "./stream_position.ts";
export type { NatsTransportOptions } from "./transport.ts";
