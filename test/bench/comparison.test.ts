import { suite } from "uvu";
import * as assert from "uvu/assert";
import { byCpu, bySpeed, byTime, verdictOn } from "../../bench/comparison.ts";
import { keyedCountJob, newCount } from "../../bench/jobs/keyed_count.ts";
import { checkAnswer, replayKeyedCount, replayWindows } from "../../bench/jobs/replay.ts";
import { newResults, windowJob } from "../../bench/jobs/window_sum.ts";
import { type Figures, joinTables } from "../../bench/report.ts";
import { inTurn } from "../../bench/turns.ts";
import { start } from "../../mod.ts";

const test = suite("comparison of engines");

const records = 20_001;
const emittedByReader = [10_001, 10_000];

test("a replay of keyed-count comes to what the job does, and one record less is noticed", async () => {
  const result = newCount();
  await (await start(keyedCountJob(records, result))).finished;
  assert.is(result.counted, replayKeyedCount(emittedByReader));
  const answer = { emittedByReader, counted: result.counted, summed: 0 };
  checkAnswer("ours", "keyed-count", answer);
  assert.throws(() => checkAnswer("ours", "keyed-count", { ...answer, emittedByReader: [10_000, 10_000] }), /another answer/);
  assert.throws(() => checkAnswer("ours", "keyed-count", { ...answer, emittedByReader: [] }), /another answer/);
});

test("a replay of the windows comes to what the job does, up to any of their ends", async () => {
  const { windows: _, ...answer } = await (async () => {
    const results = newResults();
    await (await start(windowJob(records, results))).finished;
    return results;
  })();
  checkAnswer("ours", "window", { ...answer, emittedByReader });
  assert.is(answer.counted, records);
  assert.equal(replayWindows(emittedByReader, 0), { counted: 0, summed: 0 });
  assert.throws(() => checkAnswer("ours", "window", { ...answer, summed: answer.summed + 1, emittedByReader }), /another answer/);
});

const run = (recordsPerSecond: number, cpuSecondsPerMillion: number, ms: number): Figures => ({
  workload: "any",
  recordsPerSecond,
  cpuSecondsPerMillion,
  ms,
});

test("runs are in turn, in reverse every other round, and each side keeps its own, round by round", async () => {
  let nth = 0;
  const began: string[] = [];
  const side = (name: string) => ({
    run(round: number) {
      began.push(`${name}${round}`);
      return Promise.resolve(`${name}${nth++}`);
    },
  });
  const given = await inTurn([side("a"), side("b")], 3);
  assert.equal(given, [["a0", "a3", "a4"], ["b1", "b2", "b5"]]);
  assert.equal(began, ["a0", "b0", "b1", "a1", "a2", "b2"]);
});

test("a verdict takes the median of the ratios within rounds", () => {
  const [ours, theirs] = [[run(30, 1, 1), run(10, 1, 1), run(60, 1, 1)], [run(10, 4, 1), run(10, 4, 1), run(10, 4, 1)]];
  const fast = verdictOn("any", "theirs", bySpeed(3), ours, theirs);
  assert.equal([(fast["ratio"] as { p50: number }).p50, fast["met"]], [3, true]);
  assert.is(verdictOn("any", "theirs", bySpeed(3.1), ours, theirs)["met"], false);
  assert.equal((verdictOn("any", "theirs", byCpu(4), ours, theirs)["ratio"] as { p50: number }).p50, 4);
});

test("a time that is short enough is so whatever the other side does", () => {
  const ms = (figures: Figures) => Number(figures["ms"]);
  const beside = (own: number) => verdictOn("any", "theirs", byTime("time", ms, 5, 5), [run(1, 1, own)], [run(1, 1, 12)])["met"];
  assert.equal([2, 5, 6].map(beside), [true, true, false]);
});

test("tables of several runtimes become one for each title and head", () => {
  const table = (title: string, cell: string) => ({ title, head: ["side", "ms"], cells: [["a", cell]] });
  assert.equal(joinTables([["node", [table("x", "1"), table("y", "2")]], ["bun", [table("x", "3")]]]), [
    { title: "x", head: ["runtime", "side", "ms"], cells: [["node", "a", "1"], ["bun", "a", "3"]] },
    { title: "y", head: ["runtime", "side", "ms"], cells: [["node", "a", "2"]] },
  ]);
});

test.run();
