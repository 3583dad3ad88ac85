import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import type { StopReason } from "../../actors/behavior.ts";
import {
  type AutoShutdown,
  backoffMs,
  noRestarts,
  onChildExit,
  type Restart,
  type RestartHistory,
  type Strategy,
  type SupervisedChild,
  supervisionPolicy,
  type SupervisionStep,
} from "../../actors/supervisor.ts";

const supervisor = suite("supervisor");

/** Steps as a line: `-2` stops child 2, `x2` forgets it, `+1+3` starts 1, then 3, `^` escalates. */
function print(steps: readonly SupervisionStep[]): string {
  return steps.map((step) => {
    switch (step.kind) {
      case "stop":
        return `-${step.child}`;
      case "forget":
        return `x${step.child}`;
      case "start":
        return step.children.map((child) => `+${child}`).join("");
      case "shut-down":
        return "!";
      case "escalate":
        return "^";
      default:
        return step satisfies never;
    }
  }).join(" ");
}

/** Strategy, restart type of the child that exits, why it exits; children 1, 2, 3, 4, of which 2 exits and 4 is temporary. */
const table: readonly (readonly [Strategy, Restart, StopReason["kind"], string])[] = [
  ["one-for-one", "permanent", "normal", "+2"],
  ["one-for-one", "permanent", "shutdown", "+2"],
  ["one-for-one", "permanent", "failed", "+2"],
  ["one-for-one", "transient", "normal", "x2"],
  ["one-for-one", "transient", "shutdown", "x2"],
  ["one-for-one", "transient", "failed", "+2"],
  ["one-for-one", "temporary", "normal", "x2"],
  ["one-for-one", "temporary", "shutdown", "x2"],
  ["one-for-one", "temporary", "failed", "x2"],
  ["one-for-all", "permanent", "normal", "-4 x4 -3 -1 +1+2+3"],
  ["one-for-all", "permanent", "shutdown", "-4 x4 -3 -1 +1+2+3"],
  ["one-for-all", "permanent", "failed", "-4 x4 -3 -1 +1+2+3"],
  ["one-for-all", "transient", "normal", "x2"],
  ["one-for-all", "transient", "shutdown", "x2"],
  ["one-for-all", "transient", "failed", "-4 x4 -3 -1 +1+2+3"],
  ["one-for-all", "temporary", "normal", "x2"],
  ["one-for-all", "temporary", "shutdown", "x2"],
  ["one-for-all", "temporary", "failed", "x2"],
  ["rest-for-one", "permanent", "normal", "-4 x4 -3 +2+3"],
  ["rest-for-one", "permanent", "shutdown", "-4 x4 -3 +2+3"],
  ["rest-for-one", "permanent", "failed", "-4 x4 -3 +2+3"],
  ["rest-for-one", "transient", "normal", "x2"],
  ["rest-for-one", "transient", "shutdown", "x2"],
  ["rest-for-one", "transient", "failed", "-4 x4 -3 +2+3"],
  ["rest-for-one", "temporary", "normal", "x2"],
  ["rest-for-one", "temporary", "shutdown", "x2"],
  ["rest-for-one", "temporary", "failed", "x2"],
];

supervisor("strategy x restart type x exit reason: every cell of the table", () => {
  assert.is(table.length, 27);
  for (const [strategy, restart, reason, expected] of table) {
    const exiting: SupervisedChild = { id: 2, restart, significant: false };
    const siblings: SupervisedChild[] = [
      { id: 1, restart: "permanent", significant: false },
      exiting,
      { id: 3, restart: "transient", significant: false },
      { id: 4, restart: "temporary", significant: false },
    ];
    const policy = supervisionPolicy({ strategy });
    const { steps } = onChildExit(policy, noRestarts, siblings, { child: exiting, reason }, 0, 0);
    assert.is(print(steps), expected, `${strategy}, ${restart}, ${reason}`);
  }
});

supervisor("the end of a significant child ends its supervisor, if it wants that and no restart follows", () => {
  const cases: readonly (readonly [AutoShutdown, Restart, StopReason["kind"], "alone" | "with another", string])[] = [
    ["never", "transient", "normal", "alone", "x1"],
    ["any-significant", "transient", "normal", "alone", "x1 !"],
    ["any-significant", "transient", "normal", "with another", "x1 !"],
    ["any-significant", "transient", "failed", "alone", "+1"],
    ["any-significant", "temporary", "failed", "with another", "x1 !"],
    ["all-significant", "transient", "normal", "alone", "x1 !"],
    ["all-significant", "transient", "normal", "with another", "x1"],
    ["all-significant", "temporary", "failed", "alone", "x1 !"],
  ];
  for (const [autoShutdown, restart, reason, company, expected] of cases) {
    const exiting: SupervisedChild = { id: 1, restart, significant: true };
    const other: SupervisedChild = { id: 2, restart: "temporary", significant: company === "with another" };
    const policy = supervisionPolicy({ autoShutdown });
    const { steps } = onChildExit(policy, noRestarts, [exiting, other], { child: exiting, reason }, 0, 0);
    assert.is(print(steps), expected, `${autoShutdown}, ${restart}, ${reason}, ${company}`);
  }
});

const child: SupervisedChild = { id: 1, restart: "permanent", significant: false };

supervisor("no sequence of exits restarts more often within the window than allowed", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.nat(4), fc.integer({ min: 1, max: 1000 }), (times, maxRestarts, windowMs) => {
      const policy = supervisionPolicy({ maxRestarts, windowMs });
      const restarts: number[] = [];
      let history: RestartHistory = noRestarts;
      let now = 0;
      for (const gap of times) {
        now += gap;
        const decision = onChildExit(policy, history, [child], { child, reason: "failed" }, now, 0.5);
        history = decision.history;
        const within = restarts.filter((at) => now - at < windowMs).length;
        assert.is(print(decision.steps), within >= maxRestarts ? "^" : "+1", `at ${now}`);
        if (within < maxRestarts) restarts.push(now);
      }
      for (const at of restarts) {
        assert.ok(restarts.filter((other) => other >= at && other < at + windowMs).length <= maxRestarts);
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});

supervisor("waits double while failures follow each other, up to the longest, and start over after a quiet window", () => {
  const policy = supervisionPolicy({ maxRestarts: 100, windowMs: 1000, backoff: { minMs: 10, maxMs: 50, jitter: 0 } });
  let history: RestartHistory = noRestarts;
  const waits: number[] = [];
  let now = 0;
  for (const gap of [0, 20, 30, 100, 100, 5000, 20]) {
    now += gap;
    const decision = onChildExit(policy, history, [child], { child, reason: "failed" }, now, 0);
    history = decision.history;
    const start = decision.steps[0];
    if (start?.kind === "start") waits.push(start.delayMs);
  }
  assert.equal(waits, [10, 20, 40, 50, 50, 10, 20]);
});

supervisor("jitter only shortens a wait, by up to its share", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.double({ min: 0, max: 0.999, noNaN: true }), (streak, draw) => {
      const { backoff } = supervisionPolicy({ backoff: { jitter: 0.3 } });
      const full = backoffMs({ ...backoff, jitter: 0 }, streak, draw);
      const waited = backoffMs(backoff, streak, draw);
      assert.ok(waited <= full && waited >= full * 0.7 - 1e-9 && full <= backoff.maxMs);
    }),
    { seed: 5 },
  );
});

supervisor.run();
