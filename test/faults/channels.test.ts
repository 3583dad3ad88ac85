/** The rows of the fault matrix about what happens to frames and barriers on their way. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, type Transport } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const test = suite("faults of channels");

/** A transport that does something else with each message than sending it once. */
function tampering(real: Transport, publish: (send: (bytes: Uint8Array) => void, bytes: Uint8Array) => void): Transport {
  return new Proxy(real, {
    get(target, property) {
      if (property === "publish") {
        return (subject: string, bytes: Uint8Array) => publish((sent) => target.publish(subject, sent), bytes);
      }
      const own: unknown = Reflect.get(target, property);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}

async function play(publish: (send: (bytes: Uint8Array) => void, bytes: Uint8Array) => void): Promise<Stage> {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pipeline = job("tampered", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, { delayMs: 0.5 }), { parallelism: 2 })
      .rebalance()
      .process("slower", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .to("out", sink, { parallelism: 2 }));
  const run = await stage.start(pipeline, {
    checkpoints: { mode: "unaligned", intervalMs: 4, tolerableFailures: 100 },
    encoded: (real) => tampering(real, publish),
  });
  source.give(30);
  await stage.until(() => stage.completed.some((id) => stage.figures(id).inFlightRecords > 0), "a capture");
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
  return stage;
}

test("fault 14, 15: every frame and barrier comes twice, and nothing is processed twice", async () => {
  const stage = await play((send, bytes) => {
    send(bytes);
    send(bytes);
  });
  assert.is(stage.of("failed").length, 0);
});

test("fault 14: an old message comes again long after it, barriers and all, and is ignored", async () => {
  const old: Uint8Array[] = [];
  let sent = 0;
  const stage = await play((send, bytes) => {
    send(bytes);
    old.push(bytes.slice());
    if (++sent % 7 === 0) send(old[Math.max(0, old.length - 20)] as Uint8Array);
  });
  assert.is(stage.of("failed").length, 0);
});

test("fault 13, 16: a lost message is mended or fails the attempt, and nothing is missing in the end", async () => {
  for (const nth of [5, 12, 23, 40]) {
    let sent = 0;
    await play((send, bytes) => {
      if (++sent !== nth) send(bytes);
    });
    assert.ok(sent > nth, `message ${nth} was lost`);
  }
});

test("fault 17: damaged messages end no process and reach no operator", async () => {
  let sent = 0;
  let damaged = 0;
  await play((send, bytes) => {
    if (++sent % 9 === 0) {
      const broken = bytes.slice();
      broken[broken.length - 1] = (broken[broken.length - 1] as number) ^ 1;
      send(broken); // an extra one: the true message follows
      damaged++;
    }
    send(bytes);
  });
  assert.ok(damaged > 5);
});

test.run();
