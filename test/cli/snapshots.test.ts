import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Job, job, map, memorySink, memorySource, type Run, start, value } from "../../mod.ts";
import type { Console } from "../../runtime/cli/console.ts";
import { plainJson } from "../../runtime/cli/plain_json.ts";
import { runProgram } from "../../runtime/cli/program.ts";

const test = suite("snapshots on the command line");

interface Ended {
  readonly code: number;
  readonly out: readonly string[];
  readonly said: readonly string[];
}

async function sluice(folder: string, args: readonly string[], of?: Job): Promise<Ended> {
  const said: string[] = [];
  const out: string[] = [];
  const console: Console = {
    args,
    folder,
    environment: {},
    out: (line) => void out.push(line),
    say: (line) => void said.push(line),
    onInterrupt: () => () => {},
    load: () => Promise.resolve({ default: of }),
  };
  return { code: await runProgram(console), out, said };
}

const Count = Type.Object({ seen: Type.Integer() });

/** Counts by key; `uid` and `schema` tell versions apart. */
function counting(uid = "count", schema: typeof Count = Count): Job {
  return job("counting", (flow) =>
    flow.from("numbers", memorySource(Array.from({ length: 40 }, (_, n) => n), { splits: 2 }))
      .keyBy("key", (n) => n % 3)
      .process(uid, {
        state: { count: value(schema, { seen: 0, by: 0 } as typeof Count["static"]), rests: map(Type.Integer(), Type.Integer()) },
        emits: Type.Integer(),
        onRecord(n, ctx) {
          const count = ctx.state.count.get();
          ctx.state.count.set({ ...count, seen: count.seen + 1 });
          ctx.state.rests.set(n % 2, n);
          ctx.emit(count.seen + 1);
        },
      })
      .to("out", memorySink()));
}

async function withSavepoint(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-snapshots-"));
  try {
    const run: Run = await start(counting(), { checkpoints: { directory: join(folder, "state") } });
    await run.stop({ savepoint: join(folder, "savepoint") });
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("--dry-run prints the plan of a restore, starts nothing, and exits with 1 where the start would be refused", () =>
  withSavepoint(async (folder) => {
    const before = await readdir(join(folder, "state"));
    const fits = await sluice(folder, ["run", "job.ts", "--from", "savepoint", "--dry-run", "--parallelism", "2"], counting());
    assert.is(fits.code, 0, fits.said.join("\n"));
    const text = fits.out.join("\n");
    assert.match(text, /^from .*savepoint: checkpoint \d+ of job counting\n/);
    assert.match(text, /^count +restored +1 -> 2 +\d+$/m);
    assert.match(text, /^ {2}count +restored$/m);
    assert.match(text, /it can be restored$/);

    const renamed = await sluice(folder, ["run", "job.ts", "--from", "savepoint", "--dry-run"], counting("tally"));
    assert.is(renamed.code, 1);
    assert.match(renamed.out.join("\n"), /^count +refused +1 -> - .*it cannot be restored:\n- .*no longer has: count$/ms);
    const dropped = await sluice(
      folder,
      ["run", "job.ts", "--from", "savepoint", "--dry-run", "--allow-dropped"],
      counting("tally"),
    );
    assert.is(dropped.code, 0);
    assert.match(dropped.out.join("\n"), /warning: dropped: .*: count/);

    const Wider = Type.Object({ seen: Type.Integer(), by: Type.Integer({ default: 7 }) });
    const json = await sluice(
      folder,
      ["run", "job.ts", "--from", "savepoint", "--dry-run", "--json"],
      counting("count", Wider as unknown as typeof Count),
    );
    assert.is(json.code, 0);
    assert.is(json.out.length, 1);
    const plan = JSON.parse(json.out[0] as string) as { operators: { uid: string; states: { name: string; note: string }[] }[] };
    assert.equal(plan.operators.find(({ uid }) => uid === "count")?.states[0]?.note, "default of /by");

    const state = await sluice(folder, ["run", "job.ts", "--state", "state", "--dry-run"], counting());
    assert.match(state.out.join("\n"), /state\/chk-/);
    const nothing = await sluice(folder, ["run", "job.ts", "--state", "elsewhere", "--dry-run"], counting());
    assert.equal([nothing.code, nothing.out], [0, ["nothing to restore: the job would begin from nothing"]]);
    assert.equal(await readdir(join(folder, "state")), before, "nothing was written");
    assert.equal((await readdir(folder)).sort(), ["savepoint", "state"]);
  }));

test("--from takes the folder of a savepoint, and --allow-dropped what has no home; what is none is refused with code 2", () =>
  withSavepoint(async (folder) => {
    const run = (flags: readonly string[], of: Job) =>
      sluice(folder, ["run", "job.ts", "--json", "--interval", "1h", ...flags], of);
    const events = ({ said }: Ended) => said.map((line) => JSON.parse(line) as Record<string, unknown>);
    const fine = await run(["--from", "savepoint"], counting());
    assert.is(fine.code, 0, fine.said.join("\n"));
    assert.match(String(events(fine).find(({ kind }) => kind === "started")?.["location"]), /savepoint$/);
    const refused = await run(["--from", "savepoint"], counting("tally"));
    assert.equal([refused.code, events(refused)[0]?.["code"]], [1, "CHECKPOINT_MISMATCH"]);
    const dropped = await run(["--from", "savepoint", "--allow-dropped"], counting("tally"));
    assert.is(dropped.code, 0, dropped.said.join("\n"));
    assert.ok(events(dropped).some(({ code }) => code === "STATE_DROPPED"));
    for (const [flags, code] of [[["--from", "nowhere"], "SAVEPOINT_UNKNOWN"], [["--dry-run"], "USAGE"]] as const) {
      const wrong = await run(flags, counting());
      assert.equal([wrong.code, events(wrong)[0]?.["code"]], [2, code]);
    }
  }));

test("sluice inspect prints state by operator and key, positions and records, for people or as JSON", () =>
  withSavepoint(async (folder) => {
    const text = (await sluice(folder, ["inspect", "savepoint"])).out.join("\n");
    assert.match(text, /^checkpoint \d+ of job counting, .*\ntriggered .*; 128 key groups\n/);
    assert.match(text, /^SOURCE +SPLIT +POSITION\nnumbers +\S+ +\d+/m);
    const limited = (await sluice(folder, ["inspect", "savepoint", "--limit", "1", "--operator", "count"])).out.join("\n");
    assert.ok(!limited.includes("under way"));

    const json = await sluice(folder, ["inspect", "savepoint", "--json"]);
    assert.is(json.code, 0, json.said.join("\n"));
    const lines = json.out.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal([lines[0]?.["kind"], lines[0]?.["job"], lines[0]?.["final"]], ["snapshot", "counting", true]);
    const of = (kind: string) => lines.filter((line) => line["kind"] === kind);
    assert.equal(of("operator").map(({ uid }) => uid), ["numbers", "count", "out"]);
    assert.equal(of("position").map(({ uid }) => uid), ["numbers", "numbers"], "one of each split");
    const counted = of("state").filter(({ state }) => state === "count").reduce(
      (sum, { value }) => sum + (value as { seen: number }).seen,
      0,
    );
    const underWay = of("record").length;
    assert.ok(counted + underWay > 0 && counted + underWay <= 40, "what was read is counted, or under way");
    assert.is(underWay, of("channel").reduce((sum, { records }) => sum + (records as number), 0));

    for (
      const [args, says] of [
        [["inspect", "nowhere"], /there is no savepoint in .*nowhere/],
        [["inspect", "savepoint", "--operator", "nobody"], /has no operator nobody; there are: numbers, count, out/],
        [["inspect", "savepoint", "--edge", "a->b"], /has no records under way on edge a->b/],
        [["inspect", "savepoint", "--limit", "few"], /--limit/],
        [["inspect"], /path/],
      ] as const
    ) {
      const wrong = await sluice(folder, args);
      assert.is(wrong.code, 2, args.join(" "));
      assert.match(wrong.said.join("\n"), says);
    }
  }));

test("values that JSON lacks are shown as what comes nearest", () => {
  const shown = plainJson({
    big: 2n ** 70n,
    map: new Map([[1, "a"]]),
    set: new Set([1]),
    bytes: new Uint8Array([1, 255]),
    none: NaN,
  });
  assert.is(shown, '{"big":"1180591620717411303424","map":[[1,"a"]],"set":[1],"bytes":"01ff","none":"NaN"}');
  assert.is(plainJson([new Float64Array([0.5]), undefined, new Date(0)]), '[[0.5],null,"1970-01-01T00:00:00.000Z"]');
  assert.is(plainJson(undefined), "undefined");
});

test.run();
