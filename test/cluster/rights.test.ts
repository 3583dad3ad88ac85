/** Row 41 of the fault matrix, for members of a cluster: what their user may not do at NATS is said, by subject, at the start. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generate, job, memorySink, type } from "../../mod.ts";
import { findNatsServer, NatsServer } from "../nats/server.ts";
import { skip } from "../skip.ts";
import { CommandLine } from "./command_line.ts";

interface Permissions {
  readonly publish?: { readonly deny: readonly string[] };
  readonly subscribe?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
}

/** One user for each thing that is denied. */
const denied = {
  nothing: {},
  reports: { publish: { deny: ["sluice_cluster.main.coordinator"] } },
  orders: { subscribe: { deny: ["sluice_cluster.main.worker.>"] } },
  questions: { subscribe: { deny: ["sluice_cluster.main.client"] } },
  asking: { publish: { deny: ["sluice_cluster.main.client"] } },
  frames: { publish: { deny: ["sluice.>"] } },
  incoming: { subscribe: { deny: ["sluice.>"] } },
  api: { publish: { deny: ["$JS.API.>"] } },
  bucket: { publish: { deny: ["$KV.sluice_main.>"] } },
  watching: { publish: { deny: ["$JS.API.CONSUMER.CREATE.KV_sluice_main.>"] } },
  objects: { publish: { deny: ["$O.>"] } },
  answers: { subscribe: { deny: ["_INBOX.>"], allow: ["_INBOX_mine.>", "sluice_cluster.main.>", "sluice.>", "$SRV.>"] } },
} satisfies Record<string, Permissions>;

type User = keyof typeof denied;

const config = (users: Readonly<Record<string, Permissions>>) =>
  `accounts { A { jetstream: enabled, users: [${
    Object.entries(users).map(([user, permissions]) =>
      `{ user: ${user}, password: p, permissions: ${JSON.stringify({ publish: { allow: [">"] }, ...permissions })} }`
    ).join(", ")
  }] } }`;

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const rights = suite("rights of members");

  /** A server whose users are `users`, and commands as one of them. */
  const test = (
    title: string,
    users: Readonly<Record<string, Permissions>>,
    body: (
      command: (user: string, ...args: readonly string[]) => CommandLine,
      reload: (users: Readonly<Record<string, Permissions>>) => Promise<void>,
    ) => Promise<void>,
  ) =>
    rights(title, async () => {
      const server = await NatsServer.start({ jetstream: true, config: config(users) });
      const folder = await mkdtemp(join(tmpdir(), "sluice-rights-"));
      await mkdir(join(folder, "jobs"));
      await writeFile(join(folder, "jobs", "endless.ts"), "");
      const endless = job("endless", (flow) => {
        flow.from("numbers", generate({ ratePerSecond: 200, splits: 2, make: (n) => n }))
          .keyBy("key", (n) => n % 5)
          .process("keys", { state: {}, emits: type<number>(), onRecord: (n, ctx) => void ctx.emit(n) })
          .to("out", memorySink());
      });
      const commands: CommandLine[] = [];
      const command = (user: string, ...args: readonly string[]) => {
        const environment = { NATS_URL: server.url, NATS_USER: user, NATS_PASSWORD: "p" };
        const made = new CommandLine(args, { folder, environment, load: () => Promise.resolve({ default: endless }) });
        commands.push(made);
        return made;
      };
      const reload = async (users: Readonly<Record<string, Permissions>>): Promise<void> => {
        const file = join(server.folder, "nats.conf");
        await writeFile(file, (await readFile(file, "utf8")).replace(/accounts \{.*/s, config(users)));
        process.kill(server.pid as number, "SIGHUP");
      };
      try {
        await body(command, reload);
      } finally {
        for (const made of commands) await made.end();
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });

  const cases: readonly (readonly [user: User, args: readonly string[], says: RegExp])[] = [
    ["reports", ["worker"], /worker \S+ lacks rights at NATS: it may not publish on "sluice_cluster\.main\.coordinator": grant/],
    ["orders", ["worker"], /may not subscribe on "sluice_cluster\.main\.worker\.\S+": .*or on "sluice_cluster\.main\.>"/],
    ["frames", ["worker"], /may not publish on "sluice\.\S+": grant its user publish on that, or on "sluice\.>"/],
    ["incoming", ["node"], /node \S+ lacks rights at NATS: it may not subscribe on "sluice\.\S+"/],
    ["questions", ["coordinator"], /coordinator \S+ lacks rights.*may not subscribe on "sluice_cluster\.main\.client"/],
    ["api", ["coordinator"], /may not publish on "\$JS\.API\.[^"]+": grant its user publish on that, or on "\$JS\.API\.>"/],
    ["bucket", ["node"], /may not publish on "\$KV\.sluice_main\.lease": .*or on "\$KV\.sluice_main\.>"/],
    ["watching", ["coordinator"], /may not publish on "\$JS\.API\.CONSUMER\.CREATE\.KV_sluice_main\./],
    ["objects", ["worker", "--state", "nats:"], /may not publish on "\$O\.sluice_main_blocks\.[^"]+": .*or on "\$O\./],
    ["answers", ["coordinator"], /may not subscribe on "_INBOX_[^"]+": answers come there.*--inbox-prefix/],
    ["asking", ["list"], /sluice list lacks rights at NATS: it may not publish on "sluice_cluster\.main\.client"/],
    ["answers", ["list"], /may not subscribe on "_INBOX_/],
  ];
  test(
    "fault 41: a member or a command that is denied something ends at once, and says what to grant",
    denied,
    async (command) => {
      const all = command("nothing", "node", "--name", "all", "--state", "nats:");
      await all.line("coordinates with term");
      for (const [user, args, says] of cases) {
        const begin = performance.now();
        const ended = command(user, ...args);
        const joined = ended.line("takes part in cluster").then(() => "it takes part", () => undefined);
        assert.is(await joined, undefined, `${user}: ${args.join(" ")}`);
        assert.is(await ended.code, 1, `${user}: ${args.join(" ")}`);
        assert.match(ended.said.join("\n"), says);
        const tookMs = performance.now() - begin;
        assert.ok(tookMs < 5_000, `${args.join(" ")} took ${tookMs} ms`); // the shortest time-out of an answer that does not come
      }
      const listed = command("answers", "list", "--inbox-prefix", "_INBOX_mine");
      assert.is(await listed.code, 0, listed.said.join("\n"));
      assert.equal(all.said.filter((line) => /dropped|error/.test(line)), [], "what was tried was taken for nothing else");
    },
  );

  test("fault 41: rights that are taken away while a member runs end it, and say why", { me: {} }, async (command, reload) => {
    const node = command("me", "node", "--name", "lone");
    await node.line("coordinates with term");
    await reload({ me: denied.orders });
    assert.is(await node.code, 1);
    assert.match(
      node.said.join("\n"),
      /error: \S+: node \S+ lacks rights at NATS: it may not subscribe on "sluice_cluster\.main\.worker\./,
    );
  });

  test("fault 41: frames that are denied while a job runs end that job, not its members", { me: {} }, async (command, reload) => {
    const nodes = ["one", "two"].map((name) => command("me", "node", "--name", name, "--heartbeat", "50ms"));
    for (const node of nodes) await node.line("takes part in cluster");
    const coordinating = await Promise.race(nodes.map((node) => node.line("coordinates with term").then(() => node)));
    for (const name of ["one", "two"]) await coordinating.line(`worker ${name}`);
    const submitted = command("me", "submit", "endless", "--parallelism", "4", "--interval", "50ms");
    assert.is(await submitted.code, 0, submitted.said.join("\n"));
    await coordinating.line("checkpoint 2 (interval)");
    await reload({ me: denied.frames });
    await coordinating.line('lacks rights at NATS: it may not publish on "sluice.');
    const listed = command("me", "list", "--json");
    assert.is(await listed.code, 0);
    for (let tries = 0;; tries++) {
      const asked = command("me", "list", "--json");
      await asked.code;
      const { jobs, workers } = JSON.parse(asked.out.join("\n"));
      if (jobs[0].state === "running" && tries < 100) continue;
      assert.is(jobs[0].state, "failed");
      assert.is(jobs[0].attempt, 1);
      assert.match(jobs[0].failure, /lacks rights at NATS: it may not publish on "sluice\./);
      assert.is(workers.length, 2);
      break;
    }
  });

  rights.run();
}
