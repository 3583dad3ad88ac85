/** A process that starts a job: says when its sink sees the first record, then how much memory it has when idle. */
import { forEach, generate, job, start, type } from "../../mod.ts";
import { residentMiB } from "../machine.ts";
import { type BenchEvent, makeEvent } from "../jobs/event.ts";
import { pause } from "../pause.ts";

let seen = 0;
const run = await start(job("starting", (flow) => {
  flow.from("events", generate({ splits: 2, ratePerSecond: 0.001, make: makeEvent }))
    .keyBy("key", (event) => event.key)
    .process("pass", { emits: type<BenchEvent>(), onRecord: (event, ctx) => ctx.emit(event) })
    .to(
      "sink",
      forEach(() => {
        if (seen++ === 0) console.log("first record");
      }),
    );
}, { parallelism: 2 }));
while (seen === 0) await pause(1);
await pause(500);
console.log(`idle ${residentMiB()}`);
await run.cancel();
process.exit();
