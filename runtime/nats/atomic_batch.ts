import { headers, type Msg, type NatsConnection } from "nats";
import { SluiceError } from "../../actors/error.ts";
import { type Denial, denied, watchDenials } from "./denial.ts";

/** A message to be published. */
export interface OutgoingMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The most messages that the server takes in one batch. */
export const maxBatchMessages = 1_000;

/** The server's number for "the expected last sequence is another one". */
export const wrongLastSequence = 10_071;

/** The server refused something; nothing of it was stored. */
export class JetStreamRefusal extends SluiceError {
  /** The server's own number of the reason. */
  readonly errorNumber: number;
  /** Its kind of reason, as of HTTP: 503 passes. */
  readonly status: number;

  constructor(what: string, error: { readonly code?: number; readonly err_code?: number; readonly description?: string }) {
    super("JETSTREAM_REFUSED", `NATS refused ${what}: ${error.description ?? "no reason given"} (${error.err_code ?? 0})`);
    this.errorNumber = error.err_code ?? 0;
    this.status = error.code ?? 0;
  }
}

/**
 * Publishes up to 1,000 messages as one atomic batch (ADR-50, server 2.12 and later): all of them are stored or none is, and
 * none can be seen before the last one has come.
 *
 * @param id names the batch: unique among those open at the server
 * @returns the sequence of the last message
 * @throws {JetStreamRefusal} when the server says no: then nothing was stored. Other errors leave the outcome unknown.
 * @throws {SluiceError} `NATS_DENIED`
 */
export async function publishBatch(
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
  id: string,
  timeoutMs: number,
): Promise<number> {
  const denials: Denial[] = [];
  const watch = watchDenials(connection, (denial) => denials.push(denial));
  try {
    return await sendBatch(connection, messages, id, timeoutMs);
  } catch (error) {
    if (!(error instanceof JetStreamRefusal)) throw error;
    await connection.flush().catch(() => {}); // the server answers: what it has denied before has been told by then
    // Of messages between the first and the last one nothing else tells but the refusal, for want of them.
    const ours = new Set(messages.map(({ subject }) => subject));
    const denial = denials.find(({ operation, subject }) => operation === "publish" && ours.has(subject));
    throw denial === undefined ? error : denied(`batch ${id}`, [denial], error);
  } finally {
    watch.stop();
  }
}

async function sendBatch(
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
  id: string,
  timeoutMs: number,
): Promise<number> {
  const last = messages.length - 1;
  const sent = (index: number) => {
    const message = messages[index] as OutgoingMessage;
    const fields = headers();
    fields.set("Nats-Batch-Id", id);
    fields.set("Nats-Batch-Sequence", String(index + 1));
    if (index === last) fields.set("Nats-Batch-Commit", "1");
    for (const [name, value] of Object.entries(message.headers ?? {})) fields.set(name, value);
    return { message, options: { headers: fields } };
  };
  // The first one is answered: a server that cannot or will not says so before the rest is sent.
  if (last > 0) {
    const { message, options } = sent(0);
    read(await connection.request(message.subject, message.data, { ...options, timeout: timeoutMs }), id);
  }
  for (let index = 1; index < last; index++) {
    const { message, options } = sent(index);
    connection.publish(message.subject, message.data, options);
  }
  const { message, options } = sent(last);
  const answer = read(await connection.request(message.subject, message.data, { ...options, timeout: timeoutMs }), id);
  if (answer?.seq === undefined) throw new SluiceError("JETSTREAM_REFUSED", `NATS did not confirm batch ${id}`);
  return answer.seq;
}

interface PublishAnswer {
  readonly seq?: number;
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
}

/** What the server answered; an empty answer says that the message was taken into the batch. */
function read(reply: Msg, id: string): PublishAnswer | undefined {
  if (reply.data.length === 0) return undefined;
  const answer = reply.json<PublishAnswer>();
  if (answer.error !== undefined) throw new JetStreamRefusal(`batch ${id}`, answer.error);
  return answer;
}
