import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CreditWindow, firstWindow } from "../../runtime/task/credit_window.ts";

const test = suite("credit window");
const limits = { maxBytes: 65_536, targetMs: 10 };

/** Lets frames of `bytes` be processed, one every `everyMs`, for `forMs`; gives the window then. */
function drain(window: CreditWindow, from: number, forMs: number, everyMs: number, bytes: number): number {
  let granted = NaN;
  window.begin(from);
  for (let now = from + everyMs; now <= from + forMs; now += everyMs) granted = window.consumed(bytes, now);
  return granted;
}

test("is what the receiver processes in the target time", () => {
  const granted = drain(new CreditWindow(limits), 0, 2_000, 2, 100); // 50 bytes a millisecond
  assert.ok(Math.abs(granted - 500) < 25, `${granted}`);
});

test("does not take the rate of a burst for that of the drain", () => {
  const window = new CreditWindow(limits);
  const granted: number[] = [];
  window.begin(0);
  for (let burst = 1; burst <= 50; burst++) {
    for (let frame = 0; frame < 10; frame++) granted.push(window.consumed(100, burst * 20)); // 50 bytes a millisecond
  }
  for (const bytes of granted.slice(300)) assert.ok(bytes > 350 && bytes < 650, `${bytes}`);
});

test("grows by a tenth of what is consumed as long as no time passes, up to its limit", () => {
  const window = new CreditWindow(limits);
  window.begin(0);
  assert.is(window.consumed(1_000, 0), firstWindow(limits) + 100);
  assert.is(window.consumed(500, 0), firstWindow(limits) + 150);
  assert.is(window.consumed(10_000_000, 0), limits.maxBytes);
});

test("shrinks when the receiver becomes slow, and grows again when it is fast", () => {
  const window = new CreditWindow(limits);
  assert.is(drain(window, 0, 100, 0.01, 1_000), limits.maxBytes);
  const slow = drain(window, 100, 1_900, 10, 10);
  assert.ok(slow < 12, `${slow}`);
  assert.is(drain(window, 2_000, 100, 0.01, 1_000), limits.maxBytes);
});

test("time without waiting frames does not count", () => {
  const window = new CreditWindow(limits);
  let granted = NaN;
  for (let at = 0; at < 500_000; at += 1_000) {
    window.begin(at);
    granted = window.consumed(1_000, at + 1);
  }
  assert.ok(granted > 9_500, `${granted}`);
});

test("always lets a frame go", () => {
  assert.ok(drain(new CreditWindow(limits), 0, 1_000_000, 10_000, 1) >= 1);
  assert.is(firstWindow({ maxBytes: 10, targetMs: 1 }), 10);
});

test.run();
