import { suite } from "uvu";
import * as assert from "uvu/assert";
import { VirtualClock } from "../../actors/simulation/clock.ts";
import { connectNats, NatsTransport } from "../../runtime/nats/mod.ts";
import { transportConformance } from "../actors/transport_conformance.ts";
import { skip } from "../skip.ts";
import { findNatsServer, NatsServer } from "./server.ts";

const program = findNatsServer();
const code = (expected: string) => (error: Error & { code?: string }) => error.code === expected;
const bytes = (content: string) => new TextEncoder().encode(content);

async function rejected(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return await promise.then(() => assert.unreachable("it was to be refused"), (error) => error);
}

if ("reason" in program) skip(program.reason);
else {
  transportConformance("NatsTransport", async () => {
    const server = await NatsServer.start();
    const clock = new VirtualClock();
    const transports: NatsTransport[] = [];
    const flushAll = async () => {
      // Twice: what arrives may be answered, and the answer has to arrive, too.
      for (let round = 0; round < 3; round++) {
        for (const transport of transports) if (transport.connected) await transport.flush();
      }
    };
    return {
      connect: async () => {
        const connection = await connectNats({ servers: server.url });
        const transport = new NatsTransport(connection, { clock, maxPayloadBytes: 100, ownsConnection: true });
        transports.push(transport);
        return transport;
      },
      pass: async (ms) => {
        await flushAll();
        await clock.advance(ms);
        await flushAll();
      },
      end: async () => {
        for (const transport of transports) await transport.close();
        await server.stop();
      },
    };
  });

  const nats = suite("NATS connections");

  nats("fault 22, 23: a server that is killed and comes back is found again, and the break is counted", async () => {
    const server = await NatsServer.start();
    await using transport = new NatsTransport(await connectNats({ servers: server.url }), { ownsConnection: true });
    const turns: boolean[] = [];
    const isBack = new Promise<void>((resolve) =>
      transport.onConnection((connected) => {
        turns.push(connected);
        if (connected) resolve();
      })
    );
    const seen: string[] = [];
    const arrived = new Promise<void>((resolve) =>
      transport.subscribe("after", ({ bytes }) => {
        seen.push(new TextDecoder().decode(bytes));
        resolve();
      })
    );
    await transport.flush();
    assert.is(transport.connected, true);
    await server.kill();
    await server.start();
    await isBack;
    assert.equal(turns, [false, true]);
    assert.is(transport.breaks, 1);
    transport.publish("after", bytes("again"));
    await arrived;
    assert.equal(seen, ["again"], "subscriptions outlive the break");
    await transport.close();
    assert.is(transport.connected, false);
    await server.stop();
  });

  nats("no server, a refused token and mixed credentials are said without the secret", async () => {
    const gone = await NatsServer.start();
    const { url } = gone;
    await gone.stop();
    const unreachable = await rejected(connectNats({ servers: url.replace("//", "//me:hush@"), timeoutMs: 2_000 }));
    assert.is(unreachable.code, "NATS_UNREACHABLE");
    assert.not.match(unreachable.message, /hush/);
    const server = await NatsServer.start({ config: 'authorization { token: "right" }' });
    const refused = await rejected(connectNats({ servers: server.url, token: "wrong-hush" }));
    assert.is(refused.code, "NATS_REFUSED");
    assert.not.match(refused.message, /hush/);
    const connection = await connectNats({ servers: server.url, token: "right" });
    await connection.close();
    await server.stop();
    const mixed = await rejected(connectNats({ token: "hush", user: "me" }));
    assert.ok(code("BAD_OPTIONS")(mixed));
    assert.not.match(mixed.message, /hush/);
  });

  nats("answers come under an inbox prefix of the connection's own", async () => {
    const server = await NatsServer.start();
    const connection = await connectNats({ servers: server.url, inboxPrefix: "_INBOX_mine" });
    await using asker = new NatsTransport(connection, { inboxPrefix: "_INBOX_mine", ownsConnection: true });
    await using answerer = new NatsTransport(await connectNats({ servers: server.url }), { ownsConnection: true });
    const replies: (string | undefined)[] = [];
    answerer.subscribe("q", ({ replyTo }) => {
      replies.push(replyTo);
      answerer.publish(replyTo as string, bytes("yes"));
    });
    await answerer.flush();
    assert.is(new TextDecoder().decode(await asker.request("q", bytes("?"), 5_000)), "yes");
    assert.match(replies[0] as string, /^_INBOX_mine\./);
    await server.stop();
  });

  nats.run();
}
