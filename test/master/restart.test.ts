import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { decideRestart, defaultRestart, type RestartStrategy } from "../../runtime/master/restart.ts";

const test = suite("restart strategy");
const random = new SeededRandom("restart");

/** The delays granted for failures at the given times, up to the first refusal. */
function delays(strategy: RestartStrategy, times: readonly number[]): number[] {
  let history: readonly number[] = [];
  const granted: number[] = [];
  for (const at of times) {
    const decision = decideRestart(strategy, history, at, random);
    if (decision.kind === "give-up") break;
    granted.push(decision.delayMs);
    history = decision.history;
  }
  return granted;
}

test("none gives up at the first failure", () => {
  assert.equal(delays({ kind: "none" }, [0]), []);
});

test("fixed delay restarts as often as it says", () => {
  assert.equal(delays({ kind: "fixed-delay", maxRestarts: 2, delayMs: 30 }, [0, 1, 2, 3]), [30, 30]);
});

test("exponential delays grow to the maximum, and start over after a rest", () => {
  const strategy: RestartStrategy = { ...defaultRestart, kind: "exponential", jitter: 0, maxDelayMs: 300 } as RestartStrategy;
  assert.equal(delays(strategy, [0, 100, 200, 300, 400, 70_000]), [50, 100, 200, 300, 300, 50]);
});

test("jitter stays within its share", () => {
  for (let i = 0; i < 200; i++) {
    const [delay] = delays(defaultRestart, [0]);
    assert.ok(delay !== undefined && delay >= 45 && delay <= 55, `${delay}`);
  }
});

test("failure rate counts only what lies in the window", () => {
  const strategy: RestartStrategy = { kind: "failure-rate", maxFailures: 2, windowMs: 100, delayMs: 5 };
  assert.is(delays(strategy, [0, 10, 20]).length, 2);
  assert.is(delays(strategy, [0, 60, 120, 180, 240]).length, 5);
});

test.run();
