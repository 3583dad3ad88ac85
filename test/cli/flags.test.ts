import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { count, generate, type Job, job, jsonlSink, memorySink, memorySource, type Sink } from "../../mod.ts";
import type { Console } from "../../runtime/cli/console.ts";
import { runProgram } from "../../runtime/cli/program.ts";

const test = suite("the flags of sluice run");

interface Ended {
  readonly code: number;
  readonly said: readonly string[];
  readonly out: readonly string[];
  /** What was said, as events. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** Runs `sluice …` in this process. `loaded`: what the module exports; `onLine` may interrupt. */
async function sluice(
  folder: string,
  args: readonly string[],
  loaded: { readonly default?: unknown } | ((path: string) => Promise<{ readonly default?: unknown }>),
  onLine: (line: string, interrupt: () => void) => void = () => {},
): Promise<Ended> {
  const said: string[] = [];
  const out: string[] = [];
  let interrupt = (): void => {};
  const console: Console = {
    args,
    folder,
    environment: {},
    out: (line) => void out.push(line),
    say: (line) => {
      said.push(line);
      onLine(line, () => interrupt());
    },
    onInterrupt: (handler) => {
      interrupt = handler;
      return () => {};
    },
    load: async (path) => typeof loaded === "function" ? await loaded(path) : loaded,
  };
  const code = await runProgram(console);
  const events = args.includes("--json") ? said.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>) : [];
  return { code, said, out, events };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-flags-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A bounded job; `endless` until it is stopped. */
function counting(out: Sink<{ key: number; value: number }>, endless = false): Job {
  return job("counting", (flow) => {
    const numbers = endless
      ? { ratePerSecond: 2_000, splits: 2, make: (n: number) => n }
      : { count: 60, splits: 2, make: (n: number) => n };
    flow.from("numbers", generate(numbers)).keyBy("key", (n) => n % 3).aggregate("count", count()).to("out", out);
  });
}

const kinds = ({ events }: Ended): unknown[] => events.map(({ kind }) => kind);

for (const mode of ["aligned", "unaligned", "timeout", "at-least-once"]) {
  test(`--mode ${mode} runs, and with --json every line is JSON`, () =>
    inFolder(async (folder) => {
      const timeout = mode === "timeout" ? ["--aligned-timeout", "20ms"] : [];
      const ended = await sluice(
        folder,
        ["run", "job.ts", "--json", "--mode", mode, ...timeout, "--interval", "1h", "--parallelism", "2"],
        { default: counting(memorySink()) },
      );
      assert.is(ended.code, 0, ended.said.join("\n"));
      assert.equal(kinds(ended), ["started", "checkpoint-triggered", "checkpoint-completed", "finished"]);
      const figures = ended.events[2]?.["figures"] as { readonly subtasks: readonly { readonly task: string }[] };
      assert.is(figures.subtasks.filter(({ task }) => task === "count").length, 2, "--parallelism");
    }));
}

test("--interval takes checkpoints, --state keeps them, and a second start goes on, with another --parallelism too", () =>
  inFolder(async (folder) => {
    const out = memorySink<{ key: number; value: number }>();
    const flags = ["run", "job.ts", "--json", "--state", "state"];
    for (const parallelism of [1, 3, 2]) {
      let completed = 0;
      const ended = await sluice(
        folder,
        [...flags, "--interval", "5ms", "--parallelism", `${parallelism}`],
        { default: counting(out, true) },
        (line, interrupt) => {
          if (line.includes('"checkpoint-completed"') && ++completed === 3) interrupt();
        },
      );
      assert.is(ended.code, 0, ended.said.join("\n"));
      assert.is(ended.events.at(-1)?.["kind"], "finished");
      const started = ended.events.find(({ kind }) => kind === "started");
      assert.is(typeof started?.["checkpoint"], parallelism === 1 ? "undefined" : "number");
    }
    for (const key of [0, 1, 2]) {
      const values = out.values.filter((of) => of.key === key).map(({ value }) => value).sort((a, b) => a - b);
      assert.equal(values, values.map((_, index) => index + 1), "each step of each count once");
    }
    assert.ok((await readdir(join(folder, "state"))).includes("job.json"));
  }));

test("--from takes the number of a checkpoint, or its folder, and what the sink has shown since is taken back", () =>
  inFolder(async (folder) => {
    const flags = ["run", "job.ts", "--json", "--state", "state", "--interval", "1h"];
    const run = (more: readonly string[] = []) =>
      sluice(folder, [...flags, ...more], { default: counting(jsonlSink(join(folder, "out"))) });
    const first = await run();
    assert.is(first.code, 0, first.said.join("\n"));
    const [chk = ""] = (await readdir(join(folder, "state"))).filter((name) => name.startsWith("chk-"));
    const id = Number(chk.split("-")[1]);
    for (const from of [`${id}`, join(folder, "state", chk)]) {
      const again = await run(["--from", from]);
      assert.is(again.code, 0, again.said.join("\n"));
      assert.is(again.events.find(({ kind }) => kind === "started")?.["checkpoint"], id);
    }
    const unknown = await run(["--from", "999"]);
    assert.is(unknown.code, 2);
    assert.is(unknown.events[0]?.["code"], "CHECKPOINT_UNKNOWN");
    assert.match(String(unknown.events[0]?.["message"]), /there is no checkpoint 999 of job counting; there are: /);
  }));

test("--allow-duplicates goes back behind what a sink has shown and cannot take back; without it that is refused", () =>
  inFolder(async (folder) => {
    const flags = ["run", "job.ts", "--json", "--state", "state", "--interval", "1h"];
    const sink = memorySink<{ key: number; value: number }>();
    const ahead: Sink<{ key: number; value: number }> = {
      kind: "ahead",
      delivery: "transactional",
      open: (context) => sink.open(context),
      lastCommitted: () => 99,
    };
    assert.is((await sluice(folder, flags, { default: counting(sink) })).code, 0);
    const refused = await sluice(folder, flags, { default: counting(ahead) });
    assert.is(refused.code, 1);
    assert.equal(refused.events.map(({ code }) => code), ["RESTORE_REFUSED"]);
    const allowed = await sluice(folder, [...flags, "--allow-duplicates"], { default: counting(ahead) });
    assert.is(allowed.code, 0, allowed.said.join("\n"));
    assert.ok(allowed.events.some(({ kind, code }) => kind === "warning" && code === "DUPLICATES_ALLOWED"));
  }));

/** Never prepares: the last checkpoint does not come to an end. */
const stuck: Sink<{ key: number; value: number }> = {
  kind: "stuck",
  delivery: "transactional",
  open: () => ({ write() {}, prepare: () => new Promise(() => {}), commit() {}, close() {} }),
};

test("a second Ctrl-C ends at once, with exit code 130", () =>
  inFolder(async (folder) => {
    const ended = await sluice(
      folder,
      ["run", "job.ts", "--interval", "1h"],
      { default: counting(stuck, true) },
      (line, interrupt) => {
        if (line.startsWith("attempt 1 runs") || line.startsWith("stopping with a last checkpoint")) queueMicrotask(interrupt);
      },
    );
    assert.is(ended.code, 130, ended.said.join("\n"));
    assert.match(ended.said.join("\n"), /stopping with a last checkpoint; once more to end at once/);
  }));

test("--quiet says nothing unless it fails", () =>
  inFolder(async (folder) => {
    const fine = await sluice(folder, ["run", "job.ts", "--quiet"], { default: counting(memorySink()) });
    assert.equal([fine.code, fine.said, fine.out], [0, [], []]);
    const failing = job("failing", (flow) =>
      flow.from("in", memorySource([1])).map(() => {
        throw new Error("boom");
      }).to("out", memorySink()));
    const failed = await sluice(folder, ["run", "job.ts", "--quiet", "--interval", "1h"], { default: failing });
    assert.is(failed.code, 1);
    assert.is(failed.said.length, 1);
    assert.match(failed.said[0] as string, /sluice run: job failing: .*in\/map#1.*boom/);
  }));

test("a module that is not there, throws, exports nothing or no job: exit code 2, with its path", () =>
  inFolder(async (folder) => {
    const imported = (path: string) => import(pathToFileURL(path).href) as Promise<{ readonly default?: unknown }>;
    const throwing = () => Promise.reject(new Error("no such database"));
    for (
      const [loaded, said] of [
        [imported, /cannot load \S*job\.ts: /],
        [throwing, /cannot load \S*job\.ts: no such database/],
        [{}, /\S*job\.ts has no default export: write export default job/],
        [{ default: {} }, /\S*job\.ts has a default export that is no job/],
      ] as const
    ) {
      const ended = await sluice(folder, ["run", "job.ts"], loaded);
      assert.is(ended.code, 2);
      assert.match(ended.said.join("\n"), said);
    }
  }));

test("sluice simulate says what it came to, fails with the command that replays it, and replays", () =>
  inFolder(async (folder) => {
    const fine = await sluice(folder, ["simulate", "job.ts", "--seeds", "5", "--from", "3"], {
      default: () => counting(memorySink()),
    });
    assert.is(fine.code, 0, fine.said.join("\n"));
    assert.match(fine.out.join("\n"), /job counting: [\d.]+ s of virtual time, \d+ checkpoints.*\n5 seeds, 0 violations$/s);
    const forgetful = () => {
      let total = 0;
      return job("forgetful", (flow) => {
        flow.from("n", generate({ count: 40, make: (n) => n })).map((n) => ({ n, total: total += 1 })).to("out", memorySink());
      }, { parallelism: 1 });
    };
    const failed = await sluice(folder, ["simulate", "job.ts", "--seeds", "50", "--faults", "crash"], { default: forgetful });
    assert.is(failed.code, 1);
    const replay = /sluice simulate job\.ts --replay '(.*)'$/m.exec(failed.said.join("\n"))?.[1] ?? "";
    const again = await sluice(folder, ["simulate", "job.ts", "--replay", replay], { default: forgetful });
    assert.is(again.code, 1);
    assert.is(again.said[0]?.split("\n")[0], failed.said[0]?.split("\n")[0]);
    for (const flags of [["--faults", "flood"], ["--seeds", "none"], ["--replay", "{}"]]) {
      const refused = await sluice(folder, ["simulate", "job.ts", ...flags], { default: forgetful });
      assert.is(refused.code, 2, refused.said.join("\n"));
    }
    assert.is((await sluice(folder, ["simulate", "job.ts"], {})).code, 2);
  }));

test("values that flags cannot have: exit code 2, and the flag is named", () =>
  inFolder(async (folder) => {
    for (
      const flags of [
        ["--parallelism", "0"],
        ["--parallelism", "many"],
        ["--mode", "exactly-once"],
        ["--aligned-timeout", "5"],
        ["--interval", "soon"],
        ["--from", "0"],
        ["--nothing"],
      ]
    ) {
      const ended = await sluice(folder, ["run", "job.ts", ...flags], { default: counting(memorySink()) });
      assert.is(ended.code, 2, flags.join(" "));
      assert.ok(ended.said.join("\n").includes(flags[0] as string), ended.said.join("\n"));
    }
    const broad = await sluice(folder, ["run", "job.ts", "--parallelism", "40000"], { default: counting(memorySink()) });
    assert.is(broad.code, 2);
    assert.match(broad.said.join("\n"), /parallelism must be a whole number from 1 to 32768, not 40000/);
  }));

test.run();
