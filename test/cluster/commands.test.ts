import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generate, type Job, job, type MemorySink, memorySink, type, value } from "../../mod.ts";
import { connectNats } from "../../runtime/nats/mod.ts";
import { findNatsServer, NatsServer } from "../nats/server.ts";
import { skip } from "../skip.ts";
import { takesUpTo } from "../limit.ts";
import { CommandLine } from "./command_line.ts";

// 12 s on an idle machine, and as many times longer as others want its processors.
takesUpTo(900_000);

/** Counts per key without an end; what comes out has every count once, in order, or something was lost or repeated. */
function counting(out: MemorySink<string>): Job {
  return job("counting", (flow) => {
    flow.from("numbers", generate({ ratePerSecond: 2_000, splits: 3, make: (n) => n }))
      .keyBy("key", (n) => n % 5)
      .process("count", {
        state: { total: value(type<number>(), 0) },
        emits: type<string>(),
        onRecord(n, ctx) {
          const total = (ctx.state.total.get() ?? 0) + 1;
          ctx.state.total.set(total);
          ctx.emit(`${n % 5}:${total}`);
        },
      })
      .to("out", out);
  });
}

/** Counts no more. */
function emptied(out: MemorySink<string>): Job {
  return job("emptied", (flow) => {
    flow.from("numbers", generate({ ratePerSecond: 2_000, splits: 3, make: (n) => n })).map((n) => `${n}`).to("out", out);
  });
}

/** A server, a folder with modules, and commands on them. */
class Place {
  readonly out = memorySink<string>();
  readonly server: NatsServer;
  readonly folder: string;
  readonly #members: CommandLine[] = [];

  private constructor(server: NatsServer, folder: string) {
    this.server = server;
    this.folder = folder;
  }

  static async make(options: { readonly config?: string } = {}): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-commands-"));
    await mkdir(join(folder, "jobs"));
    for (const name of ["counting.ts", "broken.ts", "emptied.ts", "plain.mjs", "notes.txt"]) {
      await writeFile(join(folder, "jobs", name), "");
    }
    return new Place(await NatsServer.start({ jetstream: true, ...options }), folder);
  }

  command(...args: readonly string[]): CommandLine {
    return new CommandLine(args, {
      folder: this.folder,
      environment: { NATS_URL: this.server.url },
      load: (path) => {
        if (basename(path) === "counting.ts") return Promise.resolve({ default: counting(this.out) });
        if (basename(path) === "emptied.ts") return Promise.resolve({ default: emptied(this.out) });
        if (basename(path) === "plain.mjs") return Promise.resolve({ default: 7 });
        return Promise.reject(new Error("unexpected end of input"));
      },
    });
  }

  /** A member, as soon as it takes part. */
  async member(role: "node" | "worker" | "coordinator", name: string, ...flags: readonly string[]): Promise<CommandLine> {
    // On a busy machine nobody is to be taken for lost: what is waited for is said by a member of that name.
    const times = ["--heartbeat", "50ms", "--worker-timeout", "20s", "--lease", "20s"];
    const member = this.command(role, "--name", name, ...times, ...flags);
    this.#members.push(member);
    await member.line("takes part in cluster");
    return member;
  }

  async ended(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string; readonly out: string }> {
    const command = this.command(...args);
    const code = await command.code;
    return { code, said: command.said.join("\n"), out: command.out.join("\n") };
  }

  async end(): Promise<void> {
    for (const member of this.#members) await member.end();
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Per key the counts are 1, 2, 3 …, in order: nothing lost, nothing twice. */
  judge(): void {
    const seen = this.out.values.map((text) => text.split(":").map(Number));
    assert.ok(seen.length > 0, "there is output");
    for (let key = 0; key < 5; key++) {
      const counts = seen.filter(([of]) => of === key).map(([, total]) => total);
      assert.equal(counts, counts.map((_, index) => index + 1), `key ${key}`);
    }
  }
}

/** What services answer; nothing while there are none. */
async function answers<T>(asked: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  try {
    for await (const answer of asked) all.push(answer);
  } catch (error) {
    if (!/503/.test(String(error))) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return all;
}

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const commands = suite("cluster commands");
  const test = (title: string, body: (place: Place) => Promise<void>) =>
    commands(title, async () => {
      const place = await Place.make();
      try {
        await body(place);
      } finally {
        await place.end();
      }
    });

  test("a job is submitted, listed, rescaled, moved off a node that ends, and stopped, each record once", async (place) => {
    const first = await place.member("node", "first");
    await first.line("coordinates with term");
    const second = await place.member("node", "second");
    await first.line("worker second");
    const submitted = await place.ended("submit", "counting", "--parallelism", "3", "--interval", "50ms", "--mode", "unaligned");
    assert.equal(submitted, { code: 0, said: "", out: "job counting was submitted" });
    await first.line("checkpoint 3 (interval)");
    const listed = await place.ended("list");
    assert.is(listed.code, 0);
    assert.match(listed.out, /counting +running +1 +\d+ +counting +first-\w+ second-\w+/);
    assert.match(listed.out, /first-\w+ +4 +2\n/);
    const again = await place.ended("submit", "counting", "--json");
    assert.is(again.code, 1);
    assert.is(JSON.parse(again.said).code, "JOB_EXISTS");

    assert.is((await place.ended("rescale", "counting", "count=2,out=1")).code, 0);
    await first.line("attempt 2 runs from checkpoint");
    first.interrupt();
    assert.is(await first.code, 0);
    // Attempt 3, or 4: a coordinator that leaves while it deploys one has used up its number. On a busy machine it does.
    await second.line("runs from checkpoint");
    const view = JSON.parse((await place.ended("list", "--json")).out) as {
      readonly jobs: readonly { readonly state: string; readonly workers: readonly string[] }[];
    };
    assert.is(view.jobs[0]?.state, "running");
    assert.equal(view.jobs[0]?.workers.map((name) => name.split("-")[0]), ["second"]);

    const stopped = await place.ended("stop", "counting", "--wait");
    assert.is(stopped.code, 0, stopped.said);
    assert.match(stopped.out, /job counting has stopped, with checkpoint \d+/);
    place.judge();
    const said = [...first.said, ...second.said];
    assert.equal(said.filter((line) => line.includes("failed")), [], said.join("\n"));
    const ended = await place.ended("cancel", "counting");
    assert.is(ended.code, 1);
    assert.match(ended.said, /job counting is over: stopped/);
  });

  test("a module makes several jobs under names, on workers and a coordinator apart; clusters share a server", async (place) => {
    await place.member("coordinator", "lead");
    await place.member("worker", "hand", "--slots", "1");
    await place.member("worker", "help", "--slots", "1");
    const other = await place.member("node", "other", "--cluster", "test");
    await other.line("coordinates with term");
    for (const name of ["one", "two"]) {
      const submitted = await place.ended("submit", "counting.ts", "--name", name, "--interval", "50ms");
      assert.is(submitted.out, `job ${name} was submitted`, submitted.said);
    }
    const { jobs, workers } = JSON.parse((await place.ended("list", "--json")).out);
    assert.equal(jobs.map(({ job }: { readonly job: string }) => job), ["one", "two"]);
    assert.equal(workers.map(({ used }: { readonly used: number }) => used).sort(), [1, 1]);
    assert.equal(JSON.parse((await place.ended("list", "--json", "--cluster", "test")).out).jobs, []);
    assert.is((await place.ended("cancel", "one", "--wait")).code, 0);
    assert.is((await place.ended("cancel", "two", "--wait", "--json")).code, 0);
  });

  test("nodes and jobs are services of NATS, with live figures", async (place) => {
    const node = await place.member("node", "lone");
    await node.line("coordinates with term");
    assert.is((await place.ended("submit", "counting", "--parallelism", "2", "--interval", "50ms")).code, 0);
    await node.line("checkpoint 2 (interval)");
    const nats = await connectNats({ servers: place.server.url });
    try {
      const client = nats.services.client();
      const figuresOf = async (service: string): Promise<Readonly<Record<string, unknown>>> => {
        for (let tries = 0; tries < 100; tries++) {
          const [stats] = await answers(await client.stats(service));
          if (stats === undefined) continue;
          assert.is(stats.metadata?.["cluster"], "main");
          return stats.endpoints?.[0]?.data as Readonly<Record<string, unknown>>;
        }
        throw new Error(`${service} does not answer`);
      };
      const job = await figuresOf("sluice-job");
      assert.is(job["job"], "counting");
      assert.is(job["state"], "running");
      assert.ok((job["checkpoint"] as number) >= 2);
      const member = await figuresOf("sluice-member") as {
        readonly attempts: readonly { readonly subtasks: readonly { readonly task: string; readonly recordsIn: number }[] }[];
      };
      const counts = member.attempts[0]?.subtasks.filter(({ task }) => task === "count") ?? [];
      assert.is(counts.length, 2);
      assert.ok(counts.reduce((sum, { recordsIn }) => sum + recordsIn, 0) > 0);
      const pinged = await answers(await client.ping());
      assert.equal(pinged.map(({ name }) => name).sort(), ["sluice-job", "sluice-member"]);
    } finally {
      await nats.close();
    }
    assert.is((await place.ended("cancel", "counting", "--wait")).code, 0);
  });

  test("without a shared folder checkpoints are kept in NATS: a job that was stopped goes on elsewhere", async (place) => {
    const first = await place.member("node", "first", "--state", "nats:");
    await first.line("coordinates with term");
    assert.is((await place.ended("submit", "counting", "--parallelism", "2", "--interval", "50ms")).code, 0);
    await first.line("checkpoint 3 (interval)");
    assert.is((await place.ended("stop", "counting", "--wait")).code, 0);
    first.interrupt();
    assert.is(await first.code, 0);
    const second = await place.member("node", "second", "--state", "nats:");
    await second.line("coordinates with term");
    assert.is((await place.ended("submit", "counting", "--parallelism", "3", "--interval", "50ms")).code, 0);
    assert.match(await second.line("attempt 2 runs"), /runs from checkpoint \d+/);
    await second.line("(interval)");
    assert.is((await place.ended("stop", "counting", "--wait")).code, 0);
    place.judge();
    assert.equal([...first.said, ...second.said].filter((line) => /failed|warn/.test(line)), []);
  });

  for (const state of ["state", "nats:"]) {
    test(`savepoints: taken, looked into, planned from, stopped with, moved, started from (--state ${state})`, async (place) => {
      const node = await place.member("node", "lone", "--state", state);
      await node.line("coordinates with term");
      const submit = ["submit", "counting", "--interval", "50ms", "--mode", "unaligned"];
      assert.is((await place.ended(...submit, "--parallelism", "2")).code, 0);
      await node.line("checkpoint 3 (interval)");
      const own = state === "nats:" ? "nats:/counting/savepoints/" : join(place.folder, "state/counting/savepoints/");
      const first = await place.ended("savepoint", "counting", "first", "--mode", "aligned");
      assert.match(first.out, /^savepoint \d+ of job counting is in /, first.said);
      assert.ok(first.out.endsWith(`${own}first`), first.out);
      const taken = JSON.parse((await place.ended("savepoint", "counting", "./outside/it", "--json")).out);
      assert.is(taken.location, join(place.folder, "outside/it"));
      for (const folder of [`${own}first`, "outside/it"]) {
        const seen = await place.ended("inspect", folder, "--operator", "count", "--limit", "1");
        assert.is(seen.code, 0, seen.said);
        assert.match(seen.out, /checkpoint \d+ of job counting[^]*state total of count \(value\)\n {2}\d: \d+/);
      }
      const plan = await place.ended("submit", "counting", "--from", "first", "--dry-run", "--parallelism", "3");
      assert.is(plan.code, 0, plan.said);
      assert.match(plan.out, /count +restored +2 -> 3[^]*it can be restored/);
      const other = await place.ended("submit", "emptied", "--name", "counting", "--from", "outside/it", "--dry-run");
      assert.is(other.code, 1);
      assert.match(other.out, /it cannot be restored:\n- it has state of operators that the job no longer has: count/);

      const stopped = await place.ended("stop", "counting", "--savepoint", "--mode", "aligned", "--wait", "--json");
      assert.is(stopped.code, 0, stopped.said);
      const [last, over] = stopped.out.split("\n").map((line) => JSON.parse(line));
      assert.ok(last.location.startsWith(own), last.location);
      assert.is(over.state, "stopped");
      const latest = await place.ended("inspect", over.location, "--json");
      assert.is(JSON.parse(latest.out.split("\n")[0] ?? "").checkpoint, last.checkpoint, latest.said);
      const refused = await place.ended("submit", "emptied", "--name", "counting", "--from", last.location);
      assert.is(refused.code, 1);
      assert.match(refused.said, /cannot restore job counting from .* operators that the job no longer has: count/);
      assert.is((await place.ended(...submit, "--parallelism", "3", "--from", last.location)).code, 0);
      await node.line(`runs from checkpoint ${last.checkpoint} (${last.location})`);
      assert.is((await place.ended("savepoint", "counting")).code, 0);
      assert.is((await place.ended("stop", "counting", "--wait")).code, 0);
      place.judge();
      const nothing = await place.ended("inspect", "nats:/counting/nothing");
      assert.is(nothing.code, state === "nats:" ? 2 : 1);
      assert.match(
        nothing.said,
        state === "nats:" ? /no savepoint in nats:\/counting\/nothing/ : /bucket sluice_main_files cannot/,
      );
    });
  }

  test("keyed state on workers' own disks: restored from checkpoints, refused where there is no folder", async (place) => {
    const first = await place.member("node", "first", "--state-dir", "scratch");
    await first.line("coordinates with term");
    const submit = ["submit", "counting", "--interval", "50ms", "--state-backend", "disk"];
    assert.is((await place.ended(...submit, "--parallelism", "2")).code, 0);
    await first.line("checkpoint 3 (interval)");
    const { name } = (await readdir(join(place.folder, "scratch"), { withFileTypes: true }))[0] ?? { name: "" };
    assert.ok(name.startsWith("first-"));
    assert.equal(await readdir(join(place.folder, "scratch", name)), ["counting"]);
    assert.is((await place.ended("rescale", "counting", "3")).code, 0);
    await first.line("attempt 2 runs from checkpoint");
    assert.is((await place.ended("savepoint", "counting")).code, 0);
    assert.is((await place.ended("stop", "counting", "--wait")).code, 0);
    place.judge();
    first.interrupt();
    assert.is(await first.code, 0);
    const second = await place.member("node", "second");
    await second.line("coordinates with term");
    const refused = await place.ended(...submit, "--wait");
    assert.is(refused.code, 1);
    assert.match(
      refused.out,
      /worker second-\w+ has no folder for the state of job counting.*start each worker with --state-dir/,
    );
  });

  test("what cannot be done says why: modules, names, options, jobs, clusters without a coordinator", async (place) => {
    const node = await place.member("node", "lone");
    await node.line("coordinates with term");
    const cases: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
      [["submit", "nothing"], 2, /no module nothing in .*jobs; there are: broken\.ts, counting\.ts, emptied\.ts, plain\.mjs/],
      [["submit", "notes.txt"], 2, /no module notes\.txt/],
      [["submit", "../counting"], 2, /"\.\.\/counting" is no name of a job module/],
      [["submit", "broken"], 2, /cannot load .*broken\.ts: unexpected end of input/],
      [["submit", "plain"], 2, /plain\.mjs has a default export that is no job/],
      [["submit", "counting", "--options", '{"checkpoints":{"directory":"x"}}'], 2, /cannot be told checkpoints\.directory/],
      [["submit", "counting", "--options", '{"state":{"backend":"disk","directory":"x"}}'], 2, /cannot be told state/],
      [["submit", "counting", "--options", '{"poison":{"deadLetters":1}}'], 2, /cannot be told poison\.deadLetters/],
      [["submit", "counting", "--options", "7"], 2, /Give an object of JSON/],
      [["submit", "counting", "--parallelism", "999"], 2, /129|key groups|128/],
      [["submit", "counting", "--name", "a b"], 2, /the name of a job has/],
      [["stop", "nothing"], 2, /cluster main has no job nothing/],
      [["list", "--cluster", "a.b"], 2, /the name of a cluster has/],
      [["list", "--cluster", "empty", "--timeout", "100ms"], 1, /cluster empty: nobody answered; is a coordinator running/],
      [["list", "--nats", "nats://127.0.0.1:1"], 1, /NATS at nats:\/\/127\.0\.0\.1:1 does not answer/],
      [["rescale", "nothing", "x"], 2, /Give a number, or uid=number/],
      [["node", "--heartbeat", "1s", "--worker-timeout", "1s"], 2, /must be at least twice heartbeatMs/],
      [["worker", "--creds", "nowhere.creds"], 2, /nowhere\.creds cannot be read/],
    ];
    for (const [args, code, says] of cases) {
      const ended = await place.ended(...args);
      assert.match(ended.said, says, args.join(" "));
      assert.is(ended.code, code, `${args.join(" ")}: ${ended.said}`);
    }
  });

  commands("a server without JetStream is no place for a cluster, and the message says what to do", async () => {
    const server = await NatsServer.start();
    const node = new CommandLine(["node"], { folder: tmpdir(), environment: { NATS_URL: server.url } });
    assert.is(await node.code, 1);
    assert.match(node.said.join("\n"), /the bucket sluice_main cannot be opened .* the server needs JetStream/);
    await server.stop();
  });

  commands.run();
}
