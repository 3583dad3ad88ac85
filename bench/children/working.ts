/** A worker of a cluster that runs keyed-count, and perhaps coordinates: asked for `figures` it says what went through it. */
import { createInterface } from "node:readline";
import { systemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { joinCluster } from "../../runtime/cluster/member.ts";
import { Emitted } from "../emitted.ts";
import { makeEvent } from "../jobs/event.ts";
import { keyedCountJob, newCount } from "../jobs/keyed_count.ts";

const [name = "", url = "", folder = "", role = "worker"] = process.argv.slice(2);
const emitted = new Emitted();
const result = newCount();
const job = keyedCountJob(Number.MAX_SAFE_INTEGER, result, emitted.counting(makeEvent));
const member = await joinCluster({
  cluster: "bench",
  name,
  nats: { servers: url },
  shared: { disk: systemDisk(), folder },
  modules: () => Promise.resolve(job),
  slots: 1,
  coordinates: role === "node",
  world: {
    clock: systemClock,
    random: systemRandom(),
    disk: systemDisk(),
    log: ({ level, message, cause }) => {
      if (level === "debug" || level === "info") return;
      console.error(`${name}: ${message}`, cause ?? "");
    },
  },
  onEvent: (_, event) => console.log(`event ${event.kind}`),
});
console.log("joined");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "figures") console.log(`figures ${JSON.stringify({ emittedByReader: emitted.byReader, ...result })}`);
}
await member.close();
process.exit();
