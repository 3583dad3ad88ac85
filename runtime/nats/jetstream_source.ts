import type { Static, TSchema } from "@sinclair/typebox";
import type { NatsConnection } from "nats";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { checkOneOf, checkText, checkWhole } from "../connectors/option.ts";
import { checkRecordOptions, Malformed, type RecordOptions, RecordParser } from "../connectors/record_parser.ts";
import type { Source, SourceContext, SplitReader } from "../graph/source.ts";
import { type NatsPlace, openOn, SharedConnection } from "./connection_hold.ts";
import { type StreamMessage, streamMessage } from "./stream_message.ts";
import { checkIsPosition, createdAt, type DataLossPolicy, type StreamPosition } from "./stream_position.ts";
import { streamInfo, StreamReader } from "./stream_reader.ts";

/** What a JetStream source can be told. */
export interface JetStreamSourceOptions<T = unknown, S extends TSchema = TSchema> extends RecordOptions<S> {
  readonly nats: NatsPlace;
  readonly stream: string;
  /**
   * One split for each: only messages on these subjects, which may have wildcards and must not overlap. More of them than
   * subtasks are dealt out.
   * @default one split with the whole stream
   */
  readonly subjects?: readonly string[];
  /** Makes the record of a message; throwing makes it a malformed one. @default its data, read as JSON */
  readonly record?: (message: StreamMessage) => T;
  /** Gives records the time at which the server stored them as their event time. @default false */
  readonly storedTime?: boolean;
  /** What happens when messages that come next are no longer in the stream. @default "fail" */
  readonly onDataLoss?: DataLossPolicy;
  /** Ends at the message that was the last one when the job began. @default false */
  readonly untilNow?: boolean;
  /** How many messages are asked for at a time, for each split. @default 512 */
  readonly batch?: number;
}

/**
 * The messages of a JetStream stream, from its beginning, exactly once.
 *
 * - **Position:** the stream's identity and a sequence, in the checkpoint. Nothing is acknowledged, no consumer has to survive.
 * - **Never skips silently:** a stream that was purged behind the position, has lost its tail, or was deleted and made anew fails
 *   with `SOURCE_POSITION_LOST`; the first can be allowed by `onDataLoss: "earliest"`, which counts `messagesLost`.
 * - **Order:** that of the stream within each split.
 * - **Bounds:** at most two batches of each split are held.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE` at once; `NATS_UNREACHABLE`, `NATS_REFUSED`, `NATS_DENIED`, `STREAM_MISSING` at the
 * start; `RECORD_MALFORMED` unless `onMalformed` is `skip`
 *
 * @example
 * ```ts ignore
 * flow.from("orders", jetStreamSource({ nats: { servers: "nats://127.0.0.1:4222" }, stream: "ORDERS", schema: Order }))
 * ```
 */
export function jetStreamSource<S extends TSchema>(
  options: JetStreamSourceOptions<Static<S>, S> & { readonly schema: S },
): Source<Static<S>, StreamPosition>;
export function jetStreamSource<T>(options: JetStreamSourceOptions<T>): Source<T, StreamPosition>;
export function jetStreamSource<T>(options: JetStreamSourceOptions<T>): Source<T, StreamPosition> {
  const owner = "jetStreamSource";
  checkText(owner, "stream", options.stream);
  checkWhole(owner, "batch", options.batch, 1);
  checkOneOf(owner, "onDataLoss", options.onDataLoss, ["fail", "earliest"]);
  checkRecordOptions(owner, options);
  for (const subject of options.subjects ?? []) checkText(owner, "subjects", subject);
  return new JetStreamSource<T>(options);
}

/** The split of a whole stream. */
const whole = ">";

class JetStreamSource<T> implements Source<T, StreamPosition> {
  readonly kind = "jetstream";
  readonly bounded: boolean;
  readonly #options: JetStreamSourceOptions<T>;
  readonly #shared: SharedConnection;

  constructor(options: JetStreamSourceOptions<T>) {
    this.#options = options;
    this.bounded = options.untilNow ?? false;
    this.#shared = new SharedConnection(options.nats);
  }

  splits(): readonly { readonly id: string }[] {
    return (this.#options.subjects ?? [whole]).map((subject) => ({ id: `${this.#options.stream} ${subject}` }));
  }

  async open(
    split: { readonly id: string },
    position: StreamPosition | undefined,
    context: SourceContext,
  ): Promise<SplitReader<T, StreamPosition>> {
    const { stream, batch, onDataLoss } = this.#options;
    if (position !== undefined) checkIsPosition(position, context.uid);
    const subject = split.id.slice(stream.length + 1);
    const filter = subject === whole ? undefined : subject;
    return await openOn(this.#shared, `source ${context.uid}`, async ({ connection, release }) => {
      const start = position ?? await this.#begin(connection, filter, context);
      const range = { stream, filter, batch: batch ?? 512, onDataLoss: onDataLoss ?? "fail" };
      const reader = new StreamReader(connection, range, start, context);
      return new JetStreamSplitReader<T>(reader, start, this.#options, context, release);
    });
  }

  async #begin(connection: NatsConnection, filter: string | undefined, context: SourceContext): Promise<StreamPosition> {
    const { stream, untilNow } = this.#options;
    const info = await streamInfo(connection, stream, `source ${context.uid}`);
    // What was deleted before the job began was never its to read.
    const sequence = Math.max(0, info.state.first_seq - 1);
    const until = untilNow === true ? await lastSequence(connection, stream, filter, info.state.last_seq) : undefined;
    return { created: createdAt(info), sequence, until };
  }
}

/** The sequence of the last message on a subject; 0: there is none. */
async function lastSequence(
  connection: NatsConnection,
  stream: string,
  filter: string | undefined,
  last: number,
): Promise<number> {
  if (filter === undefined) return last;
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    return (await manager.streams.getMessage(stream, { last_by_subj: filter })).seq;
  } catch (error) {
    if (/no message found/i.test(String(error))) return 0;
    throw error;
  }
}

class JetStreamSplitReader<T> implements SplitReader<T, StreamPosition> {
  readonly #reader: StreamReader;
  readonly #options: JetStreamSourceOptions<T>;
  readonly #parser: RecordParser;
  readonly #release: () => Promise<void>;
  #position: StreamPosition;

  constructor(
    reader: StreamReader,
    position: StreamPosition,
    options: JetStreamSourceOptions<T>,
    context: SourceContext,
    release: () => Promise<void>,
  ) {
    this.#reader = reader;
    this.#position = position;
    this.#options = options;
    this.#parser = new RecordParser(options, context);
    this.#release = release;
  }

  poll(output: { emit(value: T): boolean; emitAt(value: T, timestamp: number): boolean }, maxRecords: number) {
    for (let emitted = 0; emitted < maxRecords;) {
      const message = this.#reader.take();
      if (message === undefined) return this.#reader.ended ? "ended" : "waiting";
      const { stream, storedTime } = this.#options;
      const value = this.#record(streamMessage(message));
      let more = true;
      if (value instanceof Malformed) {
        this.#parser.reject(`message ${message.seq} of stream ${stream} (${message.subject})`, value);
      } else {
        emitted++;
        more = storedTime === true
          ? output.emitAt(value as T, Math.floor(message.info.timestampNanos / 1_000_000))
          : output.emit(value as T);
      }
      this.#position = { ...this.#position, sequence: message.seq };
      if (!more) break;
    }
    return this.#reader.ended ? "ended" : "more";
  }

  position(): StreamPosition {
    return this.#position;
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#release();
  }

  #record(message: StreamMessage): unknown {
    const { record } = this.#options;
    if (record === undefined) return this.#parser.parse(message.data);
    try {
      return this.#parser.check(record(message));
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      return new Malformed(`its record could not be made (${messageOf(error)})`, error);
    }
  }
}
