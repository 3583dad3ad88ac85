import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Signal } from "../../actors/behavior.ts";
import type { ActorRef } from "../../actors/ref.ts";
import { createSystem } from "../../actors/system.ts";
import { connectNats, NatsTransport } from "../../runtime/nats/mod.ts";
import { projectRoot } from "../runner/discover.ts";
import { findRuntime, ownRuntime, type Runtime } from "../runner/runtimes.ts";
import { skip } from "../skip.ts";
import type { AccountMessage } from "./fixtures/account.ts";
import { findNatsServer, NatsServer } from "./server.ts";

const program = findNatsServer();
const runtime = findRuntime(ownRuntime());
if ("reason" in program) skip(program.reason);
else if ("reason" in runtime) skip(runtime.reason);
else {
  const actors = suite("actors in two processes over NATS");

  actors("an actor of another process is told and asked, in order, also after NATS was away", async () => {
    const { server, account, end } = await bank(runtime);
    try {
      for (let amount = 1; amount <= 100; amount++) account.tell({ kind: "deposit", amount });
      assert.is(await account.ask({ kind: "balance" }), 5_050);
      await server.kill();
      await server.start();
      let balance: number | undefined;
      for (let tries = 0; balance === undefined && tries < 60; tries++) {
        balance = await account.ask({ kind: "balance" }, { timeoutMs: 500 }).catch(() => undefined);
      }
      assert.is(balance, 5_050);
      account.tell({ kind: "deposit", amount: 1 });
      assert.is(await account.ask({ kind: "balance" }), 5_051);
    } finally {
      await end();
    }
  });

  actors("whoever watches it learns that it stopped, and that its process was killed", async () => {
    for (const how of ["stop", "kill"] as const) {
      const { child, system, account, end } = await bank(runtime);
      try {
        const ended = new Promise<Signal>((resolve) => {
          system.spawn<never>("watcher", () => ({
            start: (context) => context.watch(account),
            receive: () => {},
            signal: resolve,
          }));
        });
        assert.is(await account.ask({ kind: "balance" }), 0);
        if (how === "stop") account.tell({ kind: "close" });
        else child.kill("SIGKILL");
        const signal = await ended;
        assert.is(signal.kind, "terminated");
        if (signal.kind === "terminated") assert.is(signal.reason.kind, how === "stop" ? "normal" : "unreachable");
      } finally {
        await end();
      }
    }
  });

  actors("a message that does not fit the schema of the actor reaches no handler", async () => {
    const { account, end } = await bank(runtime);
    try {
      account.tell({ kind: "deposit", amount: "much" as unknown as number });
      account.tell({ kind: "deposit", amount: 2 });
      assert.is(await account.ask({ kind: "balance" }), 2);
    } finally {
      await end();
    }
  });

  actors.run();
}

/** A process with an actor `account` in the system `bank`, and a system here that reaches it. */
async function bank({ command, scriptArguments }: Runtime) {
  const server = await NatsServer.start();
  const script = join(projectRoot, "test/nats/fixtures/account.ts");
  const env = { ...process.env, NATS_URL: server.url };
  const child = spawn(command, [...scriptArguments, script], { cwd: projectRoot, env, stdio: "inherit" });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const transport = new NatsTransport(await connectNats({ servers: server.url }), { ownsConnection: true });
  const system = createSystem({ name: "teller", remote: { transport, heartbeatMs: 100, unreachableMs: 2_000 } });
  let account: ActorRef<AccountMessage> | undefined;
  for (let tries = 0; account === undefined; tries++) {
    account = await system.find<AccountMessage>("bank", "account", { timeoutMs: 1_000 }).catch((error: unknown) => {
      if (tries === 60) throw error;
      return undefined;
    });
  }
  const end = async () => {
    child.kill("SIGKILL");
    await gone;
    await system.shutdown();
    await transport.close();
    await server.stop();
  };
  return { server, child, system, account, end };
}
