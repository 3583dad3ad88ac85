/** A process that is killed and started again: says when a checkpoint completed, and when its sink sees its first record. */
import { start } from "../../mod.ts";
import { recoveryJob } from "../jobs/recovery.ts";

const [directory = "", keys = "1000"] = process.argv.slice(2);
let seen = 0;
const job = recoveryJob({
  keys: Number(keys),
  records: Number.MAX_SAFE_INTEGER,
  onRecord: () => {},
  onTotal() {
    if (seen++ === 0) console.log("first record");
  },
});
const run = await start(job, { checkpoints: { directory, mode: "unaligned", intervalMs: 500 } });
for await (const event of run.events) {
  if (event.kind === "checkpoint-completed" && seen > Number(keys) * 3) console.log("checkpoint");
}
