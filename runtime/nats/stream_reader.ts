import type { JsMsg, NatsConnection, StreamInfo } from "nats";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { SourceContext } from "../graph/source.ts";
import { explainDenial } from "./denial.ts";
import { OrderedMessages } from "./ordered_messages.ts";
import { checkPosition, type DataLossPolicy, type StreamPosition } from "./stream_position.ts";

/** What a {@link StreamReader} reads. */
export interface StreamRange {
  readonly stream: string;
  /** Only messages on this subject, which may have wildcards. */
  readonly filter: string | undefined;
  readonly onDataLoss: DataLossPolicy;
  /** Messages asked for at a time. */
  readonly batch: number;
}

/** How long a pull waits at the server for the first message, in milliseconds; what comes meanwhile is given at once. */
const pullMs = 5_000;

/** Pauses between tries after a failure, in milliseconds. */
const retryMs = [100, 250, 500, 1_000] as const;

/**
 * Reads a stream ahead of whoever takes the messages, in order, each once, from a position.
 *
 * One pull of `batch` messages is under way at a time, and none while that many wait, so that memory is bounded. An ordered
 * consumer delivers, which is kept from pull to pull: it holds no state at the server that would have to survive. When the server
 * restarts, or the consumer is gone, another one goes on where this one was. Before the first pull after a pause, and after one
 * that brought nothing, it is looked whether the stream still has what comes next; if not, `onDataLoss` says what is done.
 */
export class StreamReader {
  readonly #connection: NatsConnection;
  readonly #range: StreamRange;
  readonly #context: SourceContext;
  readonly #until: number | undefined;
  readonly #created: string;
  #waiting: JsMsg[] = [];
  #taken = 0;
  /** The last sequence that came from the server. */
  #read: number;
  /** Delivers behind the last sequence; undefined before the first pull and after a failure. */
  #messages: OrderedMessages | undefined;
  #filling = false;
  #failure: unknown;
  #closed = false;
  #endCurrent: (() => void) | undefined;
  #over: Promise<void> = Promise.resolve();

  constructor(connection: NatsConnection, range: StreamRange, position: StreamPosition, context: SourceContext) {
    this.#connection = connection;
    this.#range = range;
    this.#context = context;
    this.#read = position.sequence;
    this.#until = position.until;
    this.#created = position.created;
  }

  /** The next message; undefined when it is not there yet, or at the end. Throws what reading has met. */
  take(): JsMsg | undefined {
    const message = this.#waiting[this.#taken];
    if (message === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
    } else {
      this.#waiting[this.#taken++] = undefined as unknown as JsMsg;
      if (this.#taken === this.#waiting.length) {
        this.#waiting = [];
        this.#taken = 0;
      }
    }
    this.#fill();
    return message;
  }

  /** Whether everything up to the end of a bounded range has been taken. */
  get ended(): boolean {
    return this.#until !== undefined && this.#read >= this.#until && this.#left === 0;
  }

  /** Reads no further. Settles when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endCurrent?.();
    await this.#over;
    await this.#forget();
  }

  get #left(): number {
    return this.#waiting.length - this.#taken;
  }

  get #wanting(): boolean {
    const atEnd = this.#until !== undefined && this.#read >= this.#until;
    return !this.#closed && this.#failure === undefined && !atEnd && this.#left < this.#range.batch;
  }

  #fill(): void {
    if (this.#filling || !this.#wanting) return;
    this.#filling = true;
    this.#over = this.#readAhead().finally(() => {
      this.#filling = false;
      if (!this.#closed) this.#context.wake();
    });
  }

  async #readAhead(): Promise<void> {
    for (let failures = 0; this.#wanting;) {
      try {
        await this.#pullAll(() => failures = 0);
      } catch (error) {
        await this.#forget();
        if (this.#closed) return;
        const { uid, log, clock } = this.#context;
        const explained = explainDenial(error, `source ${uid}`);
        if (explained instanceof SluiceError) {
          this.#failure = explained;
          return;
        }
        const said = messageOf(error);
        if (failures === 3) {
          log({ level: "warn", from: uid, message: `stream ${this.#range.stream} cannot be read for now: ${said}` });
        }
        const pauseMs = retryMs[Math.min(failures++, retryMs.length - 1)] as number;
        await new Promise<void>((resolve) => {
          const timer = clock.setTimer(pauseMs, resolve);
          this.#endCurrent = () => {
            timer.cancel();
            resolve();
          };
        });
      }
    }
  }

  /** Pulls until there is enough, or until it fails. */
  async #pullAll(worked: () => void): Promise<void> {
    const { stream, filter, batch } = this.#range;
    await this.#check();
    const range = { stream, who: `source ${this.#context.uid}`, filter, batch, pullMs };
    const messages = this.#messages ??= new OrderedMessages(this.#connection, range, this.#read);
    try {
      while (this.#wanting) {
        const came = await messages.pull((message) => !this.#take(message), (stop) => {
          this.#endCurrent = stop;
          if (this.#closed) stop();
        });
        if (came === 0 && !this.#closed) await this.#check();
        worked();
      }
    } finally {
      this.#endCurrent = undefined;
    }
  }

  async #forget(): Promise<void> {
    const messages = this.#messages;
    this.#messages = undefined;
    await messages?.close();
  }

  /** Whether to stop: the end of a bounded range is reached. */
  #take(message: JsMsg): boolean {
    const sequence = message.seq;
    if (sequence <= this.#read || this.#closed) return this.#closed;
    if (this.#until !== undefined && sequence > this.#until) {
      this.#read = this.#until;
      return true;
    }
    this.#read = sequence;
    this.#waiting.push(message);
    if (this.#left === 1) this.#context.wake();
    return sequence === this.#until;
  }

  /** Looks whether the stream is still the same and has what comes next. */
  async #check(): Promise<void> {
    const info = await streamInfo(this.#connection, this.#range.stream, this.#context.uid);
    const position = { created: this.#created, sequence: this.#read, until: this.#until };
    this.#read = checkPosition(info, position, this.#range.onDataLoss, this.#context);
  }
}

/** What the server knows of a stream. */
export async function streamInfo(connection: NatsConnection, stream: string, uid: string): Promise<StreamInfo> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    return await manager.streams.info(stream);
  } catch (cause) {
    if (!/stream not found/i.test(String(cause))) throw cause;
    throw new SluiceError("STREAM_MISSING", `${uid}: there is no stream ${stream}: create it, or mend the name`, { cause });
  }
}
