import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connectNats } from "../../runtime/nats/mod.ts";
import { projectRoot } from "../runner/discover.ts";
import { findRuntime, ownRuntime } from "../runner/runtimes.ts";

const connections = suite("connections");

/** A server that lets some connections in, cuts them off, and refuses and resets all others. */
async function refusingServer(letIn: number): Promise<{ readonly servers: string; readonly child: ChildProcess }> {
  const runtime = findRuntime(ownRuntime());
  if (!("command" in runtime)) throw new Error(runtime.reason);
  const script = fileURLToPath(new URL("./fixtures/refusing_server.ts", import.meta.url));
  const child = spawn(runtime.command, [...runtime.scriptArguments, script, String(letIn)], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((resolve) => child.stdout.once("data", (chunk) => resolve(String(chunk).trim())));
  return { servers: `nats://127.0.0.1:${port}`, child };
}

/** Keeps this thread busy, for as long as `settles` takes: what arrives meanwhile, arrives together. */
async function busyDuring(settles: Promise<unknown>, busyMs: number): Promise<void> {
  let settled = false;
  void settles.then(() => settled = true);
  while (!settled) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const until = performance.now() + busyMs;
    while (performance.now() < until);
  }
}

// A rejection or an error that nothing takes fails the file: the runner counts it.
connections(
  "a refusal that ends in a reset is an error of who connects, however busy the thread is, and nothing else",
  async () => {
    const { servers, child } = await refusingServer(0);
    try {
      for (let round = 0; round < 10; round++) {
        const refused = connectNats({ servers, token: "a" }).then(
          () => "let in",
          (error) => (error as { readonly code: string }).code,
        );
        await busyDuring(refused, 30 + 3 * round);
        assert.is(await refused, "NATS_REFUSED");
      }
    } finally {
      child.kill("SIGKILL");
    }
  },
);

connections("nor does one end the process that meets a connection that is made again", async () => {
  const { servers, child } = await refusingServer(1);
  try {
    const connection = await connectNats({ servers, token: "a" });
    const refusedAgain = (async () => {
      let tries = 0;
      for await (const { type } of connection.status()) if (type === "reconnecting" && ++tries === 8) return;
    })();
    const closed = connection.closed();
    await busyDuring(Promise.race([refusedAgain, closed]), 40);
    await connection.close();
  } finally {
    child.kill("SIGKILL");
  }
});

connections.run();
