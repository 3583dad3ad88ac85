/** Jobs that break a rule are found out: with a short schedule, and a replay that shows the same. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type JobUnderTest, simulate, type SimulateOptions, SimulationFailure } from "../../runtime/simulation/mod.ts";
import { deaf, foreign, forgetful, hasty, repeating } from "./jobs.ts";

const broken = suite("a broken job");

async function failureOf(job: JobUnderTest, options: SimulateOptions = {}): Promise<SimulationFailure> {
  try {
    await simulate(job, { seeds: 100, ...options });
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
  throw new Error("no seed failed");
}

const cases: readonly [string, JobUnderTest, RegExp][] = [
  ["whose sink shows what no checkpoint covers", hasty, /too many in outside "table": \d+ \(2 for 1\)/],
  ["whose sink commits twice what it is told twice", repeating, /too many in outside "table": \d+ \(2 for 1\)/],
  ["that keeps state where no checkpoint holds it", forgetful, /lost in sink "out": \{"n":\d+,"total":\d+\} \(0 of 1\)/],
  ["whose source ignores its position", deaf, /too many in sink "out": "w\d+"/],
];

for (const [what, job, said] of cases) {
  broken(`${what} is found out, by few faults, and the replay shows the same`, async () => {
    const found = await failureOf(job);
    assert.is(found.code, "SIMULATION_FAILED");
    assert.match(found.message, said);
    const { replay } = found;
    assert.ok(replay.faults.length <= 3, `${replay.faults.length} faults are left`);
    assert.match(found.message, new RegExp(`with seed ${replay.seed}:`));
    const printed = /SLUICE_SIM='(.*)' /.exec(found.message)?.[1] ?? "";
    assert.equal(JSON.parse(printed), replay);
    const again = await failureOf(job, { replay: printed });
    assert.equal(again.violations, found.violations);
    assert.equal(again.replay, replay);
    assert.is(again.message.split("\n")[0], found.message.split("\n")[0]);
  });
}

broken("that waits for what never comes does not end, and takes no fault for it", async () => {
  const found = await failureOf(foreign, { start: { handlerTimeoutMs: 2 ** 31 - 1 } });
  assert.is(found.replay.faults.length, 0);
  assert.match(
    found.message,
    /the job is not over after \d+ ms; its sources have read \d+ records and its sinks were given \d+;/,
  );
});

broken("by the user's own check is found out: what the check says is told", async () => {
  const found = await failureOf(({ outside }) => {
    const starts = outside("starts", () => ({ count: 0 }));
    starts.count++;
    return forgetful();
  }, {
    compare: false,
    check: ({ outside }) => {
      const { count } = outside["starts"] as { count: number };
      if (count > 1) throw new Error(`started ${count} times`);
    },
  });
  assert.match(found.message, /the check says: started \d times/);
  assert.ok(found.replay.faults.length <= 2, JSON.stringify(found.replay));
});

broken.run();
