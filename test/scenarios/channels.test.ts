/** Scenario 16 of protocol 14: so many channels to one worker that each can have only a little under way. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { World } from "../../actors/simulation/world.ts";
import { channelsOf } from "../../runtime/graph/channel.ts";
import { plan } from "../../runtime/graph/planner.ts";
import { EncodedLinks } from "../../runtime/master/encoded_links.ts";
import { Brake } from "../../runtime/task/brake.ts";
import { CreditPool, defaultBudgetBytes } from "../../runtime/task/credit_pool.ts";
import { CreditWindow } from "../../runtime/task/credit_window.ts";
import { freshInput, InputChannel } from "../../runtime/task/input_channel.ts";
import { noGrant, OutputChannel } from "../../runtime/task/output_channel.ts";
import { graphOf } from "../graph/graphs.ts";
import { takesUpTo } from "../limit.ts";

takesUpTo(300_000);

const scenario = suite("scenario 16");

const outputLimits = { frameRecords: 512, frameBytes: 65_536, overdraftBytes: 1 << 30, handOverSteps: 32 };
const windowLimits = { maxBytes: 65_536, targetMs: 10 };
const times = { probeMs: 250, silenceMs: 60_000, maxResends: 20 };

/** A sending and a receiving end, and what went through them. */
interface Pair {
  readonly output: OutputChannel;
  readonly brake: Brake;
  readonly input: InputChannel;
  emitted: number;
  arrived: number;
  consumed: number;
  waitingBytes: number;
  largestFrameBytes: number;
}

/** Senders with a channel to each of the receivers, all of which are on one worker that processes nothing by itself. */
class ManyChannels {
  readonly world = new World("many channels");
  readonly pool = new CreditPool();
  readonly pairs: Pair[] = [];
  readonly #record: string;
  readonly #links: readonly EncodedLinks[];

  constructor(senders: number, receivers: number, recordBytes: number) {
    this.#record = "x".repeat(recordBytes);
    const { world, pool } = this;
    const { clock } = world;
    const common = { clock, job: "many", attempt: 1, times };
    const from = new EncodedLinks({ ...common, transport: world.network.connect("from") });
    const to = new EncodedLinks({ ...common, transport: world.network.connect("to"), pool });
    this.#links = [from, to];
    const graph = graphOf({ from: { parallelism: senders }, to: { role: "sink", parallelism: receivers } }, ["from*to"]);
    const channels = channelsOf(plan(graph, { parallelism: 1 }));
    const inputs = channels.map((channel) => to.input(channel));
    for (const [index, channel] of channels.entries()) {
      const brake = new Brake();
      const link = from.output(channel);
      const owner = {
        brake,
        recordBytes: () => 1,
        elapsedMs: () => 0,
        barrierLeft() {},
        barrierPromoted() {},
        wake() {},
        fail: (error: Error) => {
          throw error;
        },
      };
      const output = new OutputChannel(channel, owner, link, outputLimits, { sent: 0, limit: noGrant });
      const identity = { edge: channel.edge.id, sender: channel.sender, receiver: channel.receiver, recovered: 0 };
      const credit = { window: new CreditWindow(windowLimits), now: () => clock.monotonic() };
      const place = { identity, index: 0, edge: 0 };
      const back = inputs[index] as (typeof inputs)[number];
      const input = new InputChannel(
        place,
        { barrierArrived() {}, frameArrived() {}, gap() {}, fail: assert.unreachable },
        back,
        credit,
        freshInput,
      );
      const pair: Pair = { output, brake, input, emitted: 0, arrived: 0, consumed: 0, waitingBytes: 0, largestFrameBytes: 0 };
      this.pairs.push(pair);
      back.connectReceiver({
        onBarrier() {},
        onFrame: (frame) => {
          pair.arrived += frame.values.length;
          pair.waitingBytes += frame.cost;
          pair.largestFrameBytes = Math.max(pair.largestFrameBytes, frame.cost);
          input.onFrame(frame);
        },
      }, { received: 0, windowBytes: windowLimits.maxBytes });
      link.connectSender(output, 0);
    }
  }

  /** The largest frame of the channel in the middle. */
  get usualFrameBytes(): number {
    const sizes = this.pairs.map(({ largestFrameBytes }) => largestFrameBytes).sort((a, b) => a - b);
    return sizes[sizes.length >> 1] as number;
  }

  get waitingBytes(): number {
    return this.pairs.reduce((sum, pair) => sum + pair.waitingBytes, 0);
  }

  /** Every sender emits while it has credit, up to `most` records in all. */
  fill(most: number): void {
    for (const pair of this.pairs) {
      const { output, brake } = pair;
      output.drain();
      while (!brake.on && pair.emitted < most) {
        output.values[output.count++] = this.#record;
        pair.emitted++;
        if (output.count >= output.batchRecords || pair.emitted === most) output.seal(undefined);
      }
    }
  }

  /** Every receiver processes a frame. */
  consume(): void {
    for (const pair of this.pairs) {
      const frame = pair.input.first;
      if (frame === undefined) continue;
      pair.consumed += frame.values.length;
      pair.waitingBytes -= frame.cost;
      pair.input.consume();
    }
  }

  async pass(ms: number): Promise<void> {
    await this.world.pass(ms);
  }

  close(): void {
    for (const links of this.#links) links.close();
  }
}

scenario(
  "16 5,000 channels to one worker that takes nothing: what is under way stays within the budget, and all are served",
  async () => {
    const many = new ManyChannels(100, 50, 200);
    assert.is(many.pairs.length, 5_000);
    let most = 0;
    for (let round = 0; round < 6; round++) {
      await many.pass(20);
      many.fill(1_000);
      most = Math.max(most, many.waitingBytes);
    }
    await many.pass(20);
    assert.ok(many.pairs.every(({ brake }) => brake.on), "some sender still has credit");
    assert.ok(many.pairs.every(({ arrived }) => arrived > 0), "some channel got nothing through");
    assert.ok(many.waitingBytes > defaultBudgetBytes / 4, `only ${many.waitingBytes} bytes came`);
    assert.ok(many.waitingBytes <= defaultBudgetBytes, `${many.waitingBytes} bytes are under way`);
    assert.ok(many.usualFrameBytes <= 1_024, `frames have ${many.usualFrameBytes} bytes`);
    // Then it works them off, and nothing is left out.
    for (let round = 0; round < 50 && many.pairs.some(({ consumed, emitted }) => consumed < emitted); round++) {
      many.consume();
      many.fill(0);
      await many.pass(2);
      most = Math.max(most, many.waitingBytes);
    }
    assert.ok(many.pairs.every(({ consumed, emitted }) => consumed === emitted), "records are missing");
    assert.ok(most <= defaultBudgetBytes, `${most} bytes were under way`);
    many.close();
    assert.is(many.pool.freeBytes, new CreditPool().freeBytes, "the pool did not get everything back");
  },
);

scenario("16 few channels have windows and frames of full size", async () => {
  const many = new ManyChannels(2, 2, 200);
  for (let round = 0; round < 400; round++) {
    await many.pass(0.5);
    for (let frames = 0; frames < 4; frames++) many.consume();
    many.fill(40_000);
  }
  assert.ok(many.usualFrameBytes > 16_384, `frames have ${many.usualFrameBytes} bytes`);
  many.close();
});

scenario("16 channels that went idle with a window in hand do not starve those that wake up", () => {
  const pool = new CreditPool(1_500_000);
  const whole = pool.freeBytes;
  assert.is(whole, 1_000_000, "a third is for the frames by which limits are passed");
  const shares = Array.from({ length: 500 }, () => pool.join());
  assert.is(pool.minimumBytes, 1_000);
  // All of them took what they could, one after the other, and then had nothing more to do.
  const hoards = shares.slice(0, 499).map((share) => share.limit(0, 65_536));
  assert.ok(hoards.every((limit) => limit >= 1_000), "somebody has less than the minimum");
  assert.ok(hoards.reduce((sum, limit) => sum + limit, 0) + 1_000 <= 1_000_000, "more was granted than there is");
  assert.ok((shares[499] as (typeof shares)[number]).limit(0, 65_536) >= 1_000);
  // What is consumed goes back, and may be had by others.
  const [first] = shares as [(typeof shares)[number]];
  const free = pool.freeBytes;
  first.limit(hoards[0] as number, 1_000);
  assert.ok(pool.freeBytes > free);
  for (const share of shares) share.leave();
  assert.is(pool.freeBytes, whole);
});

scenario.run();
