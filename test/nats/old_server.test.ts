/** What Sluice needs of NATS is there on an old server, too, as Debian has it; what is not is said. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generate, job, memorySink, type, value } from "../../mod.ts";
import { jetStreamSink } from "../../runtime/nats/mod.ts";
import { keyValueConformance } from "../actors/key_value_conformance.ts";
import { CommandLine } from "../cluster/command_line.ts";
import { transactionalSinkConformance } from "../connectors/sink_conformance.ts";
import { takesUpTo } from "../limit.ts";
import { skip } from "../skip.ts";
import { jetStreamWorld } from "./jetstream_world.ts";
import { keyValueWorld } from "./key_value_world.ts";
import { NatsServer, provideOldNatsServer } from "./server.ts";

takesUpTo(600_000); // it may have to be built

const program = provideOldNatsServer(console.log);
if ("reason" in program) skip(program.reason);
else {
  const { path, version } = program;

  keyValueConformance(`NatsKeyValue on nats-server ${version}`, () => keyValueWorld({ path }));

  transactionalSinkConformance(`jetstream on nats-server ${version}`, async () => {
    const { server, world, addStream, read, end } = await jetStreamWorld({ path });
    await addStream({ name: "OUT", subjects: ["out.>"] });
    const sink = jetStreamSink<unknown>({ nats: { servers: server.url }, stream: "OUT", subject: "out.a" });
    return { world, sink, visible: () => read("OUT"), dispose: end };
  });

  const old = suite(`a cluster on nats-server ${version}`);

  old("keeps all it has in NATS, moves a job from node to node, each record once, and says what the server lacks", async () => {
    const out = memorySink<string>();
    const counting = job("counting", (flow) => {
      flow.from("numbers", generate({ ratePerSecond: 1_000, splits: 2, make: (n) => n }))
        .keyBy("key", (n) => n % 5)
        .process("count", {
          state: { total: value(type<number>(), 0) },
          emits: type<string>(),
          onRecord(n, ctx) {
            ctx.state.total.set((ctx.state.total.get() ?? 0) + 1);
            ctx.emit(`${n % 5}:${ctx.state.total.get()}`);
          },
        })
        .to("out", out);
    });
    const server = await NatsServer.start({ jetstream: true, path });
    const folder = await mkdtemp(join(tmpdir(), "sluice-old-"));
    await mkdir(join(folder, "jobs"));
    await writeFile(join(folder, "jobs", "counting.ts"), "");
    const environment = { NATS_URL: server.url };
    const command = (...args: readonly string[]) =>
      new CommandLine(args, { folder, environment, load: () => Promise.resolve({ default: counting }) });
    const member = (name: string) =>
      command("node", "--name", name, "--state", "nats:", "--lease", "20s", "--worker-timeout", "20s");
    const nodes: CommandLine[] = [];
    try {
      const first = member("first");
      nodes.push(first);
      await first.line("coordinates with term");
      const lacks = /nats-server 2\.9\.\d+ lacks atomic batches.*from 2\.12 on/;
      assert.match(first.said.join("\n"), lacks);
      const second = member("second");
      nodes.push(second);
      await first.line("worker second");
      const listed = command("list");
      assert.is(await listed.code, 0);
      assert.match(listed.out.join("\n"), lacks);
      const listedAsJson = command("list", "--json");
      await listedAsJson.code;
      assert.is(JSON.parse(listedAsJson.out.join("\n")).server.lacks.length, 1);
      assert.is(await command("submit", "counting", "--parallelism", "3", "--interval", "50ms").code, 0);
      await first.line("checkpoint 3 (interval)");
      first.interrupt();
      assert.is(await first.code, 0);
      await second.line("runs from checkpoint");
      await second.line("(interval)");
      assert.is(await command("stop", "counting", "--wait").code, 0);
      for (let key = 0; key < 5; key++) {
        const counts = out.values.filter((text) => text.startsWith(`${key}:`)).map((text) => Number(text.slice(2)));
        assert.ok(counts.length > 0);
        assert.equal(counts, counts.map((_, index) => index + 1), `key ${key}`);
      }
    } finally {
      for (const node of nodes) await node.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  old.run();
}
