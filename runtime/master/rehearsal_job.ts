/**
 * A small job through which nothing flows: its checkpoints go through all that those of any job do, from the trigger to the
 * store, and nothing that is done to records is compiled for it.
 */
import type { Clock } from "../../actors/clock.ts";
import { forEach } from "../connectors/for_each.ts";
import type { Source } from "../graph/source.ts";
import { type Job, job } from "../job/job.ts";
import { type } from "../state/descriptor.ts";
import type { Run } from "./run.ts";

const checkpoints = 40;
const everyMs = 5;

/** Neither gives anything nor ends. */
const silence: Source<number, number> = {
  kind: "silence",
  bounded: false,
  splits: () => [{ id: "only" }],
  open: () => ({ poll: () => "waiting", position: () => 0, close: () => {} }),
};

const rehearsalJob: Job = job("rehearsal", (flow) => {
  let stream = flow.from("silence", silence);
  for (const uid of ["first", "second"]) {
    const keyed = stream.keyBy(`key of ${uid}`, (n) => n);
    stream = keyed.process(uid, { emits: type<number>(), onRecord: (n, ctx) => ctx.emit(n) });
  }
  stream.to("sink", forEach(() => {}));
}, { parallelism: 2 });

/**
 * Runs it for some checkpoints, one in a few milliseconds.
 *
 * @param start starts it, with checkpoints in memory
 * @param isOver whether nobody wants it any more: it ends soon then
 */
export async function runRehearsal(clock: Clock, start: (job: Job) => Promise<Run>, isOver: () => boolean): Promise<void> {
  const run = await start(rehearsalJob);
  try {
    for (let taken = 0; taken < checkpoints && !isOver(); taken++) {
      await run.checkpoint();
      await new Promise<void>((resolve) => void clock.setTimer(everyMs, resolve));
    }
  } finally {
    await run.cancel();
  }
}
