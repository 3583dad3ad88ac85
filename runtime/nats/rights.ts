import { createInbox, headers, type NatsConnection } from "nats";
import { type Denial, denialIn, denied, watchDenials } from "./denial.ts";
import { inboxPrefixOf } from "./inbox.ts";

/** A connection on which rights are tried. */
export type RightsConnection = NatsConnection;

/** What somebody has to be allowed at NATS. */
export interface Rights {
  /** Subjects; each gets an empty message, which its subscribers have to take for none. */
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  /** Answers have to arrive. @default false */
  readonly inbox?: boolean;
}

/**
 * Tries what somebody will have to do, in one round trip: without it a right that lacks would show as a silence much later, since
 * who publishes waits for no answer.
 *
 * @param who `worker a`, `sink totals`
 * @throws {SluiceError} `NATS_DENIED` with all that is denied, and what to grant
 */
export async function checkRights(connection: NatsConnection, who: string, rights: Rights): Promise<void> {
  const { publish = [], subscribe = [], inbox = false } = rights;
  const denials: Denial[] = [];
  const watch = watchDenials(connection, (denial) => denials.push(denial));
  const subjects = [...subscribe, ...(inbox ? [createInbox(inboxPrefixOf(connection))] : [])];
  const subscriptions = subjects.map((subject) => connection.subscribe(subject, { callback: () => {} }));
  for (const subject of publish) connection.publish(subject);
  try {
    await connection.flush();
    await connection.flush(); // what came before the first answer has been told by now
  } finally {
    watch.stop();
    for (const subscription of subscriptions) subscription.unsubscribe();
  }
  if (denials.length > 0) throw denied(who, denials);
}

/** No message ever has this sequence. */
const never = String(Number.MAX_SAFE_INTEGER);

/**
 * Tries whether messages on subjects of a stream may be stored, without storing one: each expects a last sequence that cannot be.
 *
 * @throws {SluiceError} `NATS_DENIED`
 */
export async function checkMayStore(connection: NatsConnection, who: string, subjects: readonly string[]): Promise<void> {
  const fields = headers();
  fields.set("Nats-Expected-Last-Subject-Sequence", never);
  const tries = subjects.map(async (subject) => {
    try {
      await connection.request(subject, new Uint8Array(), { headers: fields, timeout: 2_000 });
    } catch (error) {
      return denialIn(error); // whatever else is wrong shows when something is published
    }
    return undefined;
  });
  const denials = (await Promise.all(tries)).filter((denial) => denial !== undefined);
  if (denials.length > 0) throw denied(who, denials);
}
