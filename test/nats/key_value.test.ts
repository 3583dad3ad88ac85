import { connectNats } from "../../runtime/nats/mod.ts";
import { NatsKeyValue } from "../../runtime/nats/nats_key_value.ts";
import { keyValueConformance } from "../actors/key_value_conformance.ts";
import { skip } from "../skip.ts";
import { findNatsServer, NatsServer } from "./server.ts";

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  keyValueConformance("NatsKeyValue", async () => {
    const server = await NatsServer.start({ jetstream: true });
    const connections = [await connectNats({ servers: server.url })];
    return {
      async connect() {
        const connection = await connectNats({ servers: server.url });
        connections.push(connection);
        return await NatsKeyValue.open(connection, "sluice");
      },
      done: (work) => work,
      async end() {
        for (const connection of connections) await connection.close();
        await server.stop();
      },
    };
  });
}
