import type { NatsConnection } from "nats";
import { connectNats } from "../../runtime/nats/mod.ts";
import { NatsKeyValue } from "../../runtime/nats/nats_key_value.ts";
import { NatsServer } from "./server.ts";

/** A server of its own, and a bucket on it, for the conformance suite of key-value stores. */
export async function keyValueWorld(options: { readonly path?: string } = {}) {
  const server = await NatsServer.start({ jetstream: true, ...options });
  const connections: NatsConnection[] = [];
  return {
    async connect() {
      const connection = await connectNats({ servers: server.url });
      connections.push(connection);
      return await NatsKeyValue.open(connection, "sluice");
    },
    done: <T>(work: Promise<T>) => work,
    async end() {
      for (const connection of connections) await connection.close();
      await server.stop();
    },
  };
}
