/** Scenarios of protocol 14 that live on the wire between two workers. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeMessage } from "../../runtime/graph/frame_codec.ts";
import { type Tamper, WiredJob, type WireMessage } from "../wire/wired_job.ts";

const scenario = suite("scenarios of the wire");

const pass: Tamper = ({ bytes }) => [bytes];

/** Whether the message is a frame with this mark at its end. */
function marked(bytes: Uint8Array, kind: string): boolean {
  const decoded = decodeMessage(bytes);
  return decoded.kind === "message" && decoded.message.kind === "frame" && decoded.message.frame.mark?.kind === kind;
}

/** No attempt was restarted, no channel was given up, and every record counts once. */
async function endsWell(wired: WiredJob): Promise<void> {
  await wired.finish();
  assert.is(wired.count("failed"), 0);
  assert.is(wired.count("checkpoint-aborted"), 0);
}

for (const mode of ["unaligned", "aligned"] as const) {
  scenario(`1 barrier lost and frames resent: the cut stays where it was, ${mode}`, async () => {
    let lost = 0;
    let behind = 0;
    const wired = new WiredJob({
      records: 200,
      mode,
      channels: { windowBytes: 600, frameRecords: 4 },
      tamper: ({ header, bytes }) => {
        const shows = header !== undefined && "barriers" in header && header.barriers.some(({ id }) => id === 1);
        if (shows && lost < 3) {
          lost++;
          return [];
        }
        // What follows is lost as well, so that frames from before and from behind the barrier are sent again.
        if (lost >= 3 && behind < 4 && header?.kind === "frame") {
          behind++;
          return [];
        }
        return [bytes];
      },
    });
    const run = await wired.start();
    await wired.world.pass(5);
    assert.is(await wired.world.run(run.checkpoint(), { maxMs: 20_000 }), 1);
    await endsWell(wired);
    assert.equal([lost, behind], [3, 4]);
  });
}

scenario("1 barrier lost and frames resent: a barrier that is never seen completes nothing", async () => {
  const wired = new WiredJob({
    records: 200,
    channels: { windowBytes: 600, silenceMs: 1_000 },
    tamper: ({ header, bytes }) => header !== undefined && "barriers" in header && header.barriers.length > 0 ? [] : [bytes],
  });
  const run = await wired.start();
  await wired.world.pass(5);
  run.checkpoint().catch(() => {});
  await wired.world.run(run.finished.catch(() => {}), { maxMs: 30_000 });
  assert.is(wired.count("checkpoint-completed"), 0);
  const failed = wired.events.find((event) => event.kind === "failed");
  assert.match(String(failed?.kind === "failed" && failed.cause), /channel numbers->count:0>0 has not answered numbers for/);
});

scenario("5 last grant lost: a blocked sender asks for it", async () => {
  let lost = 0;
  let asked = false;
  const wired = new WiredJob({
    records: 60,
    channels: { windowBytes: 300, frameRecords: 4 },
    // A grant comes through only as the answer to a question.
    tamper: ({ from, header, bytes }) => {
      if (from === "sender") {
        asked = header?.kind === "heartbeat" || header?.kind === "hello" || (asked && header?.kind !== "frame");
      }
      if (from === "receiver" && !asked) {
        lost++;
        return [];
      }
      return [bytes];
    },
  });
  await wired.start();
  await endsWell(wired);
  assert.ok(lost > 5, `${lost} grants were lost`);
});

scenario("5 last frame lost: the silence behind it shows the gap", async () => {
  let lost = 0;
  const wired = new WiredJob({
    records: 30,
    tamper: (message) => {
      if (lost < 2 && marked(message.bytes, "end")) {
        lost++;
        return [];
      }
      return pass(message);
    },
  });
  await wired.start();
  await endsWell(wired);
  assert.is(lost, 2);
});

scenario("5 last frame lost: an aligned barrier with nothing behind it", async () => {
  let lost = 0;
  const wired = new WiredJob({
    records: 30,
    mode: "aligned",
    tamper: (message) => {
      if (lost < 3 && marked(message.bytes, "barrier")) {
        lost++;
        return [];
      }
      return pass(message);
    },
  });
  await wired.start();
  await endsWell(wired);
  assert.is(lost, 3);
});

/** A job whose network fails just when a frame goes out, for 3 s, as often as it is told to. */
class FailingWire {
  readonly wired: WiredJob;
  readonly #seen = new Set<number>();
  #strike: (() => () => void) | undefined;
  #mend: (() => void) | undefined;
  /** Frames that went out more than once. */
  resent = 0;

  constructor() {
    this.wired = new WiredJob({
      records: 400,
      workMs: 2,
      channels: { windowBytes: 600 },
      tamper: (message) => this.#pass(message),
    });
  }

  /** Waits for the next frame and loses it, with all that follows for 3 s. */
  async outage(fail: () => () => void): Promise<void> {
    this.#strike = fail;
    for (let waited = 0; this.#mend === undefined; waited++) {
      assert.ok(waited < 2_000, "no frame goes out any more");
      await this.wired.world.pass(0.5);
    }
    await this.wired.world.pass(3_000);
  }

  mend(): void {
    this.#mend?.();
    this.#mend = undefined;
  }

  async endsWell(): Promise<void> {
    await endsWell(this.wired);
    assert.ok(this.wired.world.network.counts.lost > 0 && this.resent > 0, `${this.resent} frames were sent again`);
  }

  #pass(message: WireMessage): readonly Uint8Array[] {
    const { header } = message;
    if (header?.kind === "frame") {
      if (this.#seen.has(header.seq)) this.resent++;
      this.#seen.add(header.seq);
      this.#mend ??= this.#strike?.();
      this.#strike = undefined;
    }
    return pass(message);
  }
}

scenario("19 the broker is down for 3 s, again and again: nothing is lost and no attempt is restarted", async () => {
  const wire = new FailingWire();
  const { wired } = wire;
  const { network } = wired.world;
  const run = await wired.start();
  await wired.world.pass(10);
  for (let outage = 1; outage <= 3; outage++) {
    let taken: Promise<number> | undefined;
    await wire.outage(() => {
      taken = run.checkpoint();
      return network.disconnect();
    });
    assert.is(wired.count("checkpoint-completed"), outage - 1, "something got through");
    wire.mend();
    assert.is(await wired.world.run(taken as Promise<number>, { maxMs: 20_000 }), outage);
  }
  await wire.endsWell();
});

scenario("19 cuts of 3 s that no connection notices: nothing is lost and no attempt is restarted", async () => {
  const wire = new FailingWire();
  const { world } = wire.wired;
  await wire.wired.start();
  for (let outage = 0; outage < 3; outage++) {
    await wire.outage(() => world.network.cut(["sender"], ["receiver"]));
    wire.mend();
    await world.pass(300); // time for a probe and its answer
  }
  await wire.endsWell();
});

scenario("19 a cut that lasts fails the attempt, which goes on from its checkpoint when it is healed", async () => {
  const wired = new WiredJob({ records: 400, channels: { windowBytes: 600, silenceMs: 3_000 }, restarts: 10 });
  const { world } = wired;
  const run = await wired.start();
  await world.pass(10);
  await world.run(run.checkpoint(), { maxMs: 10_000 });
  const heal = world.network.cut(["sender"], ["receiver"]);
  await world.pass(5_000);
  heal();
  await wired.finish();
  assert.ok(wired.count("restarting") >= 1);
  const failed = wired.events.find((event) => event.kind === "failed");
  assert.is(failed?.kind === "failed" && (failed.cause as { readonly code?: string }).code, "CHANNEL_SILENT");
});

scenario.run();
