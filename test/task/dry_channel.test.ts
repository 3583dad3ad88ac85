import * as assert from "uvu/assert";
import { suite } from "uvu";
import { CreditWindow, firstWindow } from "../../runtime/task/credit_window.ts";
import { DryChannel } from "../../runtime/task/dry_channel.ts";

const test = suite("dry channel");
const mostBytes = 65_536;

/** A sender that always has more to send, a way that takes time, and a receiver that does `bytesPerMs`: all in one clock. */
function play(shape: {
  readonly frameBytes: number;
  readonly wayMs: number;
  readonly bytesPerMs: number;
  /** How long a frame that comes to an empty channel waits for the receiver's turn. */
  readonly turnMs: number;
  readonly mostBytes: number;
}): { readonly windowBytes: number; readonly bytesPerMs: number } {
  const { frameBytes, wayMs, bytesPerMs, turnMs } = shape;
  const limits = { maxBytes: mostBytes, targetMs: 10 };
  const rate = new CreditWindow(limits);
  const channel = new DryChannel(shape.mostBytes);
  let windowBytes = firstWindow(limits);
  let told = windowBytes;
  let [sent, consumed] = [0, 0];
  /** When each frame under way arrives, and what it holds. */
  const under: { at: number; bytes: number }[] = [];
  const send = (now: number) => {
    while (sent < told) {
      const bytes = Math.max(1, Math.min(frameBytes, windowBytes / 2));
      sent += bytes;
      under.push({ at: now + wayMs, bytes });
    }
  };
  send(0);
  let now = 0;
  const half = { bytes: 0, ms: 0 };
  for (let nth = 0; nth < 5_000; nth++) {
    if (nth === 2_500) [half.bytes, half.ms] = [consumed, now];
    const frame = under.shift();
    if (frame === undefined) throw new Error("nothing is under way");
    if (frame.at > now) {
      now = frame.at;
      rate.begin(now);
      now += turnMs;
    }
    now += frame.bytes / bytesPerMs;
    consumed += frame.bytes;
    const empty = (under[0]?.at ?? Infinity) > now;
    windowBytes = channel.window(consumed, rate.consumed(frame.bytes, now), empty, told);
    const limit = Math.max(told, consumed + windowBytes);
    // As the receiving end does it: at half a window, or when nothing is left.
    if (!empty && limit - told < windowBytes / 2) continue;
    told = limit;
    send(now + wayMs);
  }
  return { windowBytes, bytesPerMs: (consumed - half.bytes) / (now - half.ms) };
}

const far = { frameBytes: 16_384, wayMs: 1, bytesPerMs: 10_000, turnMs: 15 };

test("a receiver whose turns come late is not starved by a window that follows its drain rate", () => {
  const alone = play({ ...far, mostBytes: 0 });
  const together = play({ ...far, mostBytes });
  assert.ok(alone.windowBytes < 100, `by the drain rate alone it collapses, to ${alone.windowBytes}`);
  assert.ok(together.windowBytes > mostBytes / 2, `${together.windowBytes} of ${mostBytes} bytes`);
  assert.ok(together.bytesPerMs > alone.bytesPerMs * 100, `${together.bytesPerMs} and ${alone.bytesPerMs} bytes a ms`);
});

test("before a slow receiver the window stays at what it does in the target's time", () => {
  const { windowBytes, bytesPerMs } = play({ frameBytes: 16_384, wayMs: 1, bytesPerMs: 100, turnMs: 0, mostBytes });
  assert.ok(windowBytes <= 2_000, `${windowBytes} bytes, where 10 ms are 1,000`);
  assert.ok(bytesPerMs > 95, `${bytesPerMs} bytes a ms of 100`);
});

test("running dry doubles the window up to its limit, and is forgotten while frames wait", () => {
  const channel = new DryChannel(8_000);
  assert.is(channel.window(1_000, 1_000, true, 1_000), 2_000);
  assert.is(channel.window(3_000, 500, true, 3_000), 4_000);
  assert.is(channel.window(7_000, 500, true, 7_000), 8_000);
  assert.is(channel.window(15_000, 500, true, 15_000), 8_000);
  let consumed = 15_000;
  let windows = 0;
  for (let window = 8_000; window > 500; windows++) window = channel.window(consumed += window, 500, false, consumed + window);
  assert.ok(windows > 32 && windows < 200, `after ${windows} windows`);
});

test("a channel that has credit left is not dry: its sender has nothing to send", () => {
  const channel = new DryChannel(8_000);
  assert.is(channel.window(100, 1_000, true, 1_000), 1_000);
  assert.is(channel.window(200, 1_000, true, 1_100), 1_000);
  assert.is(channel.window(300, 1_000, true, 1_200), 1_000);
});

test.run();
