/** Sound jobs under every kind of fault, and that runs are repeated exactly. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../mod.ts";
import { faultKinds, simulate, type SimulateOptions } from "../../runtime/simulation/mod.ts";
import { takesUpTo } from "../limit.ts";
import { onNode } from "../seeds.ts";
import { files, hasty, sound, words } from "./jobs.ts";

takesUpTo(600_000);

const input: SimulateOptions = { files: { "/in/words.jsonl": words.map((word) => `${JSON.stringify(word)}\n`).join("") } };

const every = suite("each kind of fault");

// Elsewhere all kinds come together, below.
for (const kind of onNode ? faultKinds : []) {
  every(`${kind}: has an effect, and a sound job survives it`, async () => {
    const { fired } = await simulate(() => sound(), { seeds: 6, faults: [kind], deployments: ["process"] });
    // A power failure that takes nothing is a crash.
    assert.equal(Object.keys(fired).filter((other) => other !== "crash"), kind === "crash" ? [] : [kind]);
  });
}

every("all together: from a file into files, every line once", async () => {
  const report = await simulate(files, { ...input, seeds: onNode ? 30 : 15 });
  assert.ok(report.recoveries > 2, `${report.recoveries} recoveries`);
  assert.ok(report.checkpoints > 50, `${report.checkpoints} checkpoints`);
});

every("on a cluster, with its workers and coordinators cut off from each other, killed and stopped", async () => {
  const { recoveries, checkpoints } = await simulate(() => sound(), {
    seeds: onNode ? 20 : 12,
    deployments: ["cluster"],
    faults: ["crash", "pause", "partition", "loss", "disconnect"],
  });
  assert.ok(recoveries > 0, `${recoveries} recoveries`);
  assert.ok(checkpoints > 20, `${checkpoints} checkpoints`);
});

every("records under way are captured and restored", async () => {
  const { captured, restored } = await simulate(() => sound(), { seeds: onNode ? 40 : 20, deployments: ["process"] });
  assert.ok(captured > 0 && restored > 0, `${captured} captured, ${restored} restored`);
});

every.run();

const runs = suite("a simulation");

async function codeOf(simulation: Promise<unknown>): Promise<string> {
  try {
    await simulation;
    return "none";
  } catch (error) {
    return error instanceof SluiceError ? error.code : String(error);
  }
}

runs("is the same for the same seeds, event by event, and another one for others", async () => {
  const hashes = new Set<string>();
  for (const deployment of ["process", "cluster"] as const) {
    for (const seed of [1, 2, 3]) {
      const options = { seed, deployments: [deployment] };
      const [first, second] = [await simulate(() => sound(), options), await simulate(() => sound(), options)];
      assert.equal(second, first, `seed ${seed} differs from run to run`);
      hashes.add(first.hash);
    }
  }
  assert.is(hashes.size, 6);
});

runs("gives a job chance of its own, the same in the run without faults", async () => {
  const drawn = new Map<number, Set<string>>();
  await simulate(({ seed, random }) => {
    const job = sound();
    drawn.set(seed, (drawn.get(seed) ?? new Set()).add(String(random.next())));
    return job;
  }, { seeds: 5 });
  for (const [seed, values] of drawn) assert.is(values.size, 1, `seed ${seed}`);
  assert.is(new Set([...drawn.values()].flatMap((values) => [...values])).size, drawn.size);
});

runs("fails when a fault that is named never has an effect", async () => {
  const aligned: SimulateOptions = { seeds: 3, faults: ["rescale", "crash"], start: { parallelism: 1 } };
  assert.is(await codeOf(simulate(() => sound(), { ...aligned, faults: ["crash"] })), "none");
  // Over before anything can happen to it.
  const quick = simulate(() => sound(), { seed: 1, faults: ["partition"] });
  assert.ok(["none", "SIMULATION_FAULTS_MISSING"].includes(await codeOf(quick)));
});

runs("refuses options that cannot be, a job that never ends, and what is no job", async () => {
  assert.is(await codeOf(simulate(() => sound(), { seeds: 0 })), "BAD_OPTIONS");
  assert.is(await codeOf(simulate(() => sound(), { seed: -1 })), "BAD_OPTIONS");
  assert.is(await codeOf(simulate(() => sound(), { faults: ["flood" as never] })), "BAD_OPTIONS");
  assert.is(await codeOf(simulate(() => ({}) as never)), "NOT_A_JOB");
  assert.is(await codeOf(simulate(() => sound(), { replay: "{" })), "BAD_OPTIONS");
  assert.is(
    await codeOf(simulate(() => sound(), { replay: '{"job":"sound","seed":1,"faults":[{"kind":"flood"}]}' })),
    "BAD_OPTIONS",
  );
  assert.is(await codeOf(simulate(() => sound(), { replay: '{"job":"other","seed":1,"faults":[]}' })), "BAD_OPTIONS");
});

runs("tells a check what became visible and what was expected", async () => {
  let checked = 0;
  await simulate(() => sound(), {
    seeds: 3,
    check: ({ outputs, expected, events }) => {
      checked++;
      assert.is(outputs["out"]?.length, words.length);
      assert.is(expected["out"]?.length, words.length);
      assert.is(events.at(-1)?.kind, "finished");
    },
  });
  assert.is(checked, 3);
});

runs("holds a sink that is not transactional to at least once only", async () => {
  await simulate(({ outside }) => {
    const table = outside<unknown[]>("table", () => []);
    return sound({
      kind: "plain",
      delivery: "at-least-once",
      open: () => ({ write: (row) => void table.push(row), close() {} }),
    });
  }, { seeds: 15 });
  assert.is(await codeOf(simulate(hasty, { seeds: 15 })), "SIMULATION_FAILED");
});

runs.run();
