import { type NatsConnection, type StreamConfig } from "nats";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { connectNats } from "../../runtime/nats/mod.ts";
import { OrderedMessages } from "../../runtime/nats/ordered_messages.ts";
import { ConnectorWorld } from "../connectors/connector_world.ts";
import { NatsServer } from "./server.ts";

/** A server with JetStream, a connection to look at it with, and the world of a connector. */
export interface JetStreamWorld {
  readonly server: NatsServer;
  readonly nats: NatsConnection;
  readonly world: ConnectorWorld;
  addStream(config: Partial<StreamConfig> & { readonly name: string; readonly allow_atomic?: boolean }): Promise<void>;
  publish(subject: string, ...values: readonly unknown[]): Promise<void>;
  /** The values of all messages, without the marks of sinks. */
  read(stream: string): Promise<readonly unknown[]>;
  end(): Promise<void>;
}

/** Each test has a server of its own. */
export async function jetStreamWorld(options: { readonly path?: string } = {}): Promise<JetStreamWorld> {
  const server = await NatsServer.start({ ...options, jetstream: true });
  const nats = await connectNats({ servers: server.url });
  const manager = await nats.jetstreamManager();
  return {
    server,
    nats,
    world: new ConnectorWorld(() => new SimulatedDisk(), () => new Promise((resolve) => setTimeout(resolve, 1))),
    async addStream(config) {
      await manager.streams.add(config);
    },
    async publish(subject, ...values) {
      const jetstream = nats.jetstream();
      for (const value of values) await jetstream.publish(subject, new TextEncoder().encode(JSON.stringify(value)));
    },
    async read(stream) {
      const { state } = await manager.streams.info(stream);
      const values: unknown[] = [];
      if (state.messages === 0) return values;
      const range = { stream, batch: 1_000, pullMs: 2_000 };
      const messages = new OrderedMessages(nats, range, Math.max(0, state.first_seq - 1));
      for (let last = 0; last < state.last_seq;) {
        await messages.pull((message) => {
          last = message.seq;
          if (!message.subject.includes("_sluice")) values.push(message.json());
          return last < state.last_seq;
        });
      }
      await messages.close();
      return values;
    },
    async end() {
      await nats.close();
      await server.stop();
    },
  };
}
