import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, memorySink } from "../../mod.ts";
import { connectNats, jetStreamSource, withoutSecrets } from "../../runtime/nats/mod.ts";
import { findNatsServer, NatsServer } from "../nats/server.ts";
import { skip } from "../skip.ts";
import { CommandLine } from "./command_line.ts";

const secrets = suite("secrets");

secrets("an address is shown without what stands before its host, whatever signs that has", () => {
  assert.is(withoutSecrets("nats://me:hush@host:4222"), "nats://***@host:4222");
  assert.is(withoutSecrets("nats://me:hu/sh@and@more@host"), "nats://***@host");
  assert.is(withoutSecrets("tls://token@host"), "tls://***@host");
  assert.is(withoutSecrets("me:hush@host:4222"), "***@host:4222");
  assert.is(withoutSecrets("nats://host:4222"), "nats://host:4222");
});

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  secrets("54: no log, error, list or service of a cluster shows a token, password, nkey or creds", async () => {
    const token = "hush-token-4711";
    const password = "hush/pass@4712";
    const seed = `SU${"B".repeat(56)}`;
    const jwt = `eyJhbGciOi.${"hush".repeat(20)}`;
    const folder = await mkdtemp(join(tmpdir(), "sluice-secrets-"));
    await mkdir(join(folder, "jobs"));
    await writeFile(join(folder, "jobs", "leaking.ts"), "");
    await writeFile(join(folder, "me.nk"), seed);
    await writeFile(
      join(folder, "me.creds"),
      `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n${seed}\n`,
    );
    // A job whose own connection has a secret, and whose module says another one when it fails.
    const leaking = job("leaking", (flow) => {
      const nats = { servers: `nats://me:${password}@127.0.0.1:1`, timeoutMs: 500 };
      flow.from("numbers", jetStreamSource<unknown>({ nats, stream: "S" })).map(() => {
        throw new Error(`it knows ${token}`);
      }).to("out", memorySink());
    });
    const server = await NatsServer.start({ jetstream: true, config: `authorization { token: "${token}" }` });
    const commands: CommandLine[] = [];
    const command = (environment: Readonly<Record<string, string>>, ...args: readonly string[]) => {
      const made = new CommandLine(args, { folder, environment, load: () => Promise.resolve({ default: leaking }) });
      commands.push(made);
      return made;
    };
    const right = { NATS_URL: server.url, NATS_TOKEN: token };
    const node = command(right, "node", "--name", "lone", "--heartbeat", "50ms");
    try {
      await node.line("coordinates with term");
      assert.is(await command(right, "submit", "leaking", "--wait").code, 1);
      assert.is(await command(right, "list").code, 0);
      assert.is(await command(right, "list", "--json").code, 0);
      const address = server.url.replace("//", `//me:${password}@`);
      const wrong: readonly (readonly [Readonly<Record<string, string>>, readonly string[]])[] = [
        [{ NATS_URL: server.url, NATS_USER: "me", NATS_PASSWORD: password }, ["list"]],
        [{ NATS_URL: address }, ["list", "--timeout", "200ms"]],
        [{ NATS_URL: `nats://${token}@127.0.0.1:1` }, ["node"]],
        [{ NATS_URL: server.url, NATS_NKEY: "me.nk" }, ["list", "--json"]],
        [{ NATS_URL: server.url, NATS_CREDS: "me.creds" }, ["worker", "--json"]],
        [{ ...right, NATS_CREDS: "me.creds" }, ["list"]],
        [{ NATS_URL: `nats://me:${password}`, NATS_TOKEN: token }, ["list"]],
      ];
      for (const [environment, args] of wrong) assert.ok(await command(environment, ...args).code > 0, args.join(" "));

      const nats = await connectNats({ servers: server.url, token });
      const told: string[] = [];
      try {
        for await (const info of await nats.services.client().info()) told.push(JSON.stringify(info));
        for await (const stats of await nats.services.client().stats()) told.push(JSON.stringify(stats));
      } finally {
        await nats.close();
      }
      assert.ok(told.length >= 2);
      node.interrupt();
      await node.code;
      const said = [...commands.flatMap((of) => [...of.said, ...of.out]), ...told];
      assert.ok(said.some((line) => line.includes("***")), said.join("\n"));
      for (const secret of [token, password, encodeURIComponent(password), seed, jwt]) {
        assert.equal(said.filter((line) => line.includes(secret)), []);
      }
    } finally {
      await node.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

secrets.run();
