import type { NatsConnection } from "nats";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { hashString, hex } from "../graph/hash.ts";
import { JetStreamRefusal, maxBatchMessages, type OutgoingMessage, publishBatch } from "./atomic_batch.ts";
import { explainingDenials } from "./denial.ts";
import { covers, isOvertaken, lastMarker, type Marker, markerMessage, publishMarker } from "./epoch_marker.ts";
import { OrderedMessages } from "./ordered_messages.ts";
import { type Patience, patiently } from "./patience.ts";
import { PublishWindow } from "./publish_window.ts";

/** Whose output an epoch is. */
export interface EpochOwner {
  readonly stream: string;
  /** The subject of its markers. */
  readonly markers: string;
  /** Tells the owner's messages apart from all others', for ever. */
  readonly name: string;
}

/** What one subtask prepared for one checkpoint. */
export interface Epoch {
  readonly id: number;
  readonly messages: readonly OutgoingMessage[];
}

/** What an {@link EpochCommit} is told. */
export interface EpochCommitOptions {
  /** Whether server and stream have atomic batches. */
  readonly atomic: boolean;
  readonly attempt: number;
  /** How long the server may take to confirm, in milliseconds. @default 10,000 */
  readonly confirmMs?: number;
  /** How long it is tried while NATS is away. @default not at all */
  readonly patience?: Patience;
}

/** One message of a batch is its marker. */
const partMessages = maxBatchMessages - 1;

/**
 * Makes epochs visible, in order, each once, whoever tries how often (protocol 7).
 *
 * - **Atomic batches** (server 2.12 and later, a stream with `allow_atomic`): an epoch goes out in batches of up to 999
 *   messages, each ending in a marker that is stored only behind the marker before it. So a repeated or a zombie's commit is
 *   refused whole, and after a crash the last marker says which batches are out.
 * - **Without them**: one by one under ids that depend on owner, epoch and place only. After a crash the stream is scanned from
 *   the last marker for the ids that are out, so that nothing depends on how long the server remembers ids; it does between two
 *   that publish at the same time, such as a zombie and its successor.
 */
export class EpochCommit {
  readonly #connection: NatsConnection;
  readonly #owner: EpochOwner;
  readonly #atomic: boolean;
  readonly #attempt: number;
  readonly #confirmMs: number;
  readonly #patience: Patience | undefined;
  #tries = 0;
  #marker: Marker | undefined;
  /** Epochs that somebody may have begun to publish before. */
  #firstTry = new Set<number>();

  constructor(connection: NatsConnection, owner: EpochOwner, options: EpochCommitOptions) {
    this.#connection = connection;
    this.#owner = owner;
    this.#atomic = options.atomic;
    this.#attempt = options.attempt;
    this.#confirmMs = options.confirmMs ?? 10_000;
    this.#patience = options.patience;
  }

  /** This epoch is new: nobody can have published any of it. */
  isNew(epoch: number): void {
    this.#firstTry.add(epoch);
  }

  /** Publishes what of the epoch is not out yet. */
  async commit(epoch: Epoch): Promise<void> {
    const work = () => explainingDenials(this.#who, () => this.#commit(epoch));
    await (this.#patience === undefined ? work() : patiently(work, this.#patience));
  }

  async #commit(epoch: Epoch): Promise<void> {
    try {
      this.#marker ??= await this.#lastMarker();
      if (this.#atomic) await this.#inBatches(epoch);
      else await this.#oneByOne(epoch);
      this.#firstTry.delete(epoch.id);
    } catch (error) {
      this.#marker = undefined; // what is out is to be looked for
      throw error;
    }
  }

  async #inBatches({ id, messages }: Epoch): Promise<void> {
    const parts = Math.max(1, Math.ceil(messages.length / partMessages));
    for (let part = 1; part <= parts; part++) {
      const from = (part - 1) * partMessages;
      const slice = messages.slice(from, from + partMessages);
      while (!covers(this.#last, id, part)) {
        const mark = { epoch: id, part, whole: part === parts };
        const batch = [...slice, markerMessage(this.#owner.markers, mark, this.#last)];
        const name = `${this.#owner.name}-${id}-${part}-${this.#attempt}-${++this.#tries}`;
        try {
          const sequence = await publishBatch(this.#connection, batch, name, this.#confirmMs);
          this.#marker = { ...mark, sequence };
        } catch (error) {
          if (error instanceof JetStreamRefusal && !isOvertaken(error)) throw this.#explained(error, id);
          // Another one was first, or the answer got lost: the last marker says how far things are.
          const before = this.#last;
          this.#marker = await this.#lastMarker();
          if (this.#marker.sequence === before.sequence && !covers(this.#marker, id, part)) throw this.#explained(error, id);
        }
      }
    }
  }

  async #oneByOne({ id, messages }: Epoch): Promise<void> {
    if (covers(this.#last, id, 1)) return;
    const out = this.#firstTry.delete(id) ? new Set<string>() : await this.#idsOut(id);
    const window = new PublishWindow(this.#connection.jetstream(), this.#who, this.#confirmMs);
    for (const [index, message] of messages.entries()) {
      const messageId = `${this.#owner.name}-${id}-${index}`;
      if (out.has(messageId)) continue;
      const pending = window.publish(message, messageId);
      if (pending !== undefined) await pending;
    }
    await window.settled();
    const mark = { epoch: id, part: 1, whole: true };
    const message = markerMessage(this.#owner.markers, mark, this.#last);
    const sequence = await publishMarker(this.#connection.jetstream({ timeout: this.#confirmMs }), message);
    this.#marker = sequence === undefined ? await this.#lastMarker() : { ...mark, sequence };
    if (!covers(this.#last, id, 1)) throw this.#explained(new Error("another sink writes markers on the same subject"), id);
  }

  /** The ids of this owner's messages of an epoch that are in the stream, all of which stand behind the last marker. */
  async #idsOut(epoch: number): Promise<Set<string>> {
    const { stream, name } = this.#owner;
    const manager = await this.#connection.jetstreamManager({ checkAPI: false });
    const { state } = await manager.streams.info(stream);
    const found = new Set<string>();
    const from = Math.max(this.#last.sequence + 1, state.first_seq);
    if (from > state.last_seq) return found;
    const range = { stream, headersOnly: true, batch: 1_000, pullMs: 2_000 };
    const messages = new OrderedMessages(this.#connection, range, from - 1);
    try {
      // Two pulls that bring nothing, from a server that answers: what is left was deleted meanwhile.
      for (let at = from - 1, empty = 0; at < state.last_seq && empty < 2;) {
        const came = await messages.pull((message) => {
          at = message.seq;
          const id = message.headers?.get("Nats-Msg-Id") ?? "";
          if (id.startsWith(`${name}-${epoch}-`)) found.add(id);
          return at < state.last_seq;
        });
        empty = came > 0 ? 0 : empty + 1;
        if (came === 0) await manager.streams.info(stream);
      }
    } finally {
      await messages.close();
    }
    return found;
  }

  get #who(): string {
    return `a sink of stream ${this.#owner.stream}`;
  }

  get #last(): Marker {
    return this.#marker as Marker;
  }

  #lastMarker(): Promise<Marker> {
    return lastMarker(this.#connection, this.#owner.stream, this.#owner.markers, this.#confirmMs);
  }

  #explained(cause: unknown, epoch: number): SluiceError {
    const said = messageOf(cause);
    return new SluiceError(
      "JETSTREAM_COMMIT_FAILED",
      `the output of checkpoint ${epoch} could not be published to stream ${this.#owner.stream}: ${said}`,
      { cause },
    );
  }
}

/** A name for a sink in one life of a job, of characters that subjects and ids may have: different ones for different sinks. */
export function sinkName(life: string, job: string, uid: string): string {
  const text = JSON.stringify([life, job, uid]);
  return hex(hashString(text, 0x6e617473)) + hex(hashString(text, 0x73696e6b));
}
