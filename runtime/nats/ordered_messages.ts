import type { JsMsg, NatsConnection } from "nats";

/** What is read of a stream. */
export interface OrderedRange {
  readonly stream: string;
  /** Only messages on this subject, which may have wildcards. */
  readonly filter?: string | undefined;
  /** Only headers, without data. */
  readonly headersOnly?: boolean;
  /** Messages asked for at a time. */
  readonly batch: number;
  /** How long a pull waits at the server for the first message, in milliseconds. */
  readonly pullMs: number;
}

/**
 * Reads a stream in order, each message once, a batch at a time, with an ordered consumer of the client.
 *
 * The client drops a message that comes when a pull is just over, and goes on behind it all the same. So it is not trusted: the
 * server numbers what it delivers to a consumer, and at a gap, at another consumer, and after a pull that brought nothing, the
 * next pull begins with a new consumer behind the last message that was taken.
 */
export class OrderedMessages {
  readonly #connection: NatsConnection;
  readonly #range: OrderedRange;
  /** The last sequence taken, or known not to be wanted. */
  #at: number;
  #consumer: Awaited<ReturnType<ReturnType<NatsConnection["jetstream"]>["consumers"]["get"]>> | undefined;
  #name = "";
  #delivered = 0;

  /** Begins behind sequence `after`. */
  constructor(connection: NatsConnection, range: OrderedRange, after: number) {
    this.#connection = connection;
    this.#range = range;
    this.#at = after;
  }

  /** Pulls one batch; `take` gets each message, and stops the pull by answering false. */
  async pull(take: (message: JsMsg) => boolean, begun: (stop: () => void) => void = () => {}): Promise<number> {
    const { stream, filter, headersOnly, batch, pullMs } = this.#range;
    this.#consumer ??= await this.#connection.jetstream().consumers.get(stream, {
      opt_start_seq: this.#at + 1,
      ...(filter === undefined ? {} : { filterSubjects: filter }),
      ...(headersOnly === true ? { headers_only: true } : {}),
    });
    const messages = await this.#consumer.fetch({ max_messages: batch, expires: pullMs });
    let wanted = true;
    begun(() => {
      wanted = false;
      messages.stop();
    });
    let came = 0;
    for await (const message of messages) {
      wanted = wanted && this.#isNext(message);
      if (!wanted) break;
      came++;
      this.#at = message.seq;
      wanted = take(message);
      if (!wanted) break;
    }
    if (!wanted || came === 0) await this.#drop();
    return came;
  }

  /** Lets go of the consumer. */
  async close(): Promise<void> {
    await this.#drop();
  }

  #isNext({ info, seq }: JsMsg): boolean {
    const expected = this.#name === "" ? 1 : this.#delivered + 1;
    if (this.#name !== "" && info.consumer !== this.#name) return false;
    if (info.deliverySequence !== expected || seq <= this.#at) return false;
    this.#name = info.consumer;
    this.#delivered = info.deliverySequence;
    return true;
  }

  async #drop(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    this.#name = "";
    await consumer?.delete().catch(() => {}); // it goes by itself when nobody pulls
  }
}
