import type { NatsConnection } from "nats";

/** The first token of the subjects on which answers come to a connection, as it was made. */
export function inboxPrefixOf(connection: NatsConnection): string {
  const { options } = connection as { readonly options?: { readonly inboxPrefix?: string } };
  return options?.inboxPrefix ?? "_INBOX";
}
