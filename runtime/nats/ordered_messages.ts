import type { JsMsg, NatsConnection } from "nats";
import { denied, watchDenials } from "./denial.ts";
import { checkRights } from "./rights.ts";

/** What is read of a stream. */
export interface OrderedRange {
  readonly stream: string;
  /** Who reads, for errors: `source orders`. @default a reader of the stream */
  readonly who?: string;
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
 * next pull begins with a new consumer behind the last message that was taken. Nor does the client notice that the server does
 * not let it pull, or make a consumer, which it tries for minutes: so that is tried first, and denials are watched for.
 */
export class OrderedMessages {
  readonly #connection: NatsConnection;
  readonly #range: OrderedRange;
  /** The last sequence taken, or known not to be wanted. */
  #at: number;
  #consumer: Awaited<ReturnType<ReturnType<NatsConnection["jetstream"]>["consumers"]["get"]>> | undefined;
  #name = "";
  #delivered = 0;
  readonly #denials: { stop(): void };
  readonly #denied: Promise<never>;
  #failure: Error | undefined;
  #end: (() => void) | undefined;
  #mayPull = false;

  /** Begins behind sequence `after`. */
  constructor(connection: NatsConnection, range: OrderedRange, after: number) {
    this.#connection = connection;
    this.#range = range;
    this.#at = after;
    let fail!: (failure: Error) => void;
    this.#denied = new Promise<never>((_, reject) => fail = reject);
    this.#denied.catch(() => {});
    this.#denials = watchDenials(connection, (denial) => {
      const [root, ...tokens] = denial.subject.split(".");
      if (root !== "$JS" || !tokens.includes(range.stream)) return;
      this.#failure = denied(this.#title, [denial]);
      fail(this.#failure);
      this.#end?.();
    });
  }

  /**
   * Pulls one batch; `take` gets each message, and stops the pull by answering false.
   *
   * @throws {SluiceError} `NATS_DENIED`
   */
  async pull(take: (message: JsMsg) => boolean, begun: (stop: () => void) => void = () => {}): Promise<number> {
    const { stream, filter, headersOnly, batch, pullMs } = this.#range;
    if (!this.#mayPull) {
      const name = filter === undefined ? "rights" : `rights.${filter}`;
      const publish = [`$JS.API.CONSUMER.CREATE.${stream}.${name}`, `$JS.API.CONSUMER.MSG.NEXT.${stream}.rights`];
      await checkRights(this.#connection, this.#title, { publish });
      this.#mayPull = true;
    }
    this.#consumer ??= await this.#connection.jetstream().consumers.get(stream, {
      opt_start_seq: this.#at + 1,
      ...(filter === undefined ? {} : { filterSubjects: filter }),
      ...(headersOnly === true ? { headers_only: true } : {}),
    });
    const fetching = this.#consumer.fetch({ max_messages: batch, expires: pullMs });
    fetching.catch(() => {});
    const messages = await Promise.race([fetching, this.#denied]);
    let wanted = true;
    const end = this.#end = () => {
      wanted = false;
      messages.stop();
    };
    begun(end);
    let came = 0;
    for await (const message of messages) {
      wanted = wanted && this.#isNext(message);
      if (!wanted) break;
      came++;
      this.#at = message.seq;
      wanted = take(message);
      if (!wanted) break;
    }
    this.#end = undefined;
    if (!wanted || came === 0) await this.#drop();
    if (this.#failure !== undefined) throw this.#failure;
    return came;
  }

  /** Lets go of the consumer. */
  async close(): Promise<void> {
    this.#denials.stop();
    await this.#drop();
  }

  get #title(): string {
    return this.#range.who ?? `a reader of stream ${this.#range.stream}`;
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
