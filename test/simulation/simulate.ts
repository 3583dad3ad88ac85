/**
 * Runs many seeds: `npm run simulate -- --seeds N --from S [--jobs J] [--loops] [--stop] [--verbose]`. The last line is
 * `N seeds, V violations`. `--jobs`: in so many processes, by default one for each core on Node, else one. `--stop`: one seed
 * after the other, up to the first violation.
 */
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { systemClock } from "../../actors/system_clock.ts";
import { onNode } from "../seeds.ts";
import { runByCrew } from "./crew.ts";
import { type Outcome, runScenario } from "./scenario.ts";
import { describeViolations, Tally } from "./tally.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    jobs: { type: "string" },
    loops: { type: "boolean", default: false },
    stop: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const { loops, stop, verbose } = values;
const seeds = Number(values.seeds);
const from = Number(values.from);
const jobs = stop || verbose ? 1 : Number(values.jobs ?? (onNode ? availableParallelism() : 1));
if (!Number.isInteger(seeds) || seeds < 1 || !Number.isInteger(from) || from < 0 || !Number.isInteger(jobs) || jobs < 1) {
  console.error("--seeds and --jobs take a whole number from 1, --from one from 0");
  process.exit(2);
}

const begin = systemClock.monotonic();
const tally = new Tally();
const take = (outcome: Outcome) => {
  tally.add(outcome);
  if (outcome.violations.length > 0 || verbose) console.log(describeViolations(outcome));
};
if (jobs > 1) await runByCrew(jobs, { from, seeds, loops }, take);
else {
  const log = verbose ? { log: (line: string) => console.log(line) } : {};
  for (let seed = from; seed < from + seeds && !(stop && tally.violated > 0); seed++) {
    take(await runScenario(seed, { loops, ...log }));
  }
}
const seconds = (systemClock.monotonic() - begin) / 1_000;
for (const line of tally.lines()) console.log(line);
const rate = tally.seeds / seconds;
console.log(`${rate.toFixed(1)} seeds/s${jobs > 1 ? ` in ${jobs} processes, ${(rate / jobs).toFixed(1)} each` : ""}`);
console.log(`${tally.seeds} seeds, ${tally.violated} violations`);
process.exit(tally.violated > 0 ? 1 : 0);
