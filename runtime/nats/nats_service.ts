import type { NatsConnection } from "nats";

/** A connection that services answer on. */
export type ServiceConnection = NatsConnection;

/** A service as `nats service list`, `info` and `stats` show it. */
export interface ServiceDescription {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Where it is asked for its figures. */
  readonly subject: string;
  /** The figures, as JSON can have them. */
  readonly figures: () => unknown;
}

/** A service that runs. */
export interface RunningService {
  stop(): Promise<void>;
}

/**
 * Answers to `$SRV.PING`, `INFO` and `STATS`, and at its own subject, with live figures. What the connection may not subscribe to
 * rejects here.
 */
export async function addService(connection: NatsConnection, description: ServiceDescription): Promise<RunningService> {
  const { subject, figures, metadata, ...service } = description;
  const running = await connection.services.add({
    ...service,
    metadata: { ...metadata },
    queue: "",
    statsHandler: () => Promise.resolve(figures()),
  });
  running.addEndpoint("figures", {
    subject,
    handler: (error, message) => {
      if (error === null) message.respond(new TextEncoder().encode(JSON.stringify(figures())));
    },
  });
  return {
    stop: async () => {
      await running.stop();
    },
  };
}
