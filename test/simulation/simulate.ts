/**
 * Runs many seeds: `npm run simulate -- --seeds N --from S [--stop] [--verbose]`. The last line is `N seeds, V violations`.
 * `--stop`: at the first violation.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../actors/system_clock.ts";
import { runScenario } from "./scenario.ts";
import { describeViolations, Tally } from "./tally.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    loops: { type: "boolean", default: false },
    stop: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const seeds = Number(values.seeds);
const from = Number(values.from);
if (!Number.isInteger(seeds) || seeds < 1 || !Number.isInteger(from) || from < 0) {
  console.error("--seeds takes a whole number from 1, --from one from 0");
  process.exit(2);
}

const begin = systemClock.monotonic();
const tally = new Tally();
for (let seed = from; seed < from + seeds; seed++) {
  const outcome = await runScenario(seed, {
    loops: values.loops,
    ...(values.verbose ? { log: (line) => console.log(line) } : {}),
  });
  tally.add(outcome);
  if (outcome.violations.length > 0 || values.verbose) console.log(describeViolations(outcome));
  if (outcome.violations.length > 0 && values.stop) break;
}
const seconds = (systemClock.monotonic() - begin) / 1_000;
for (const line of tally.lines()) console.log(line);
console.log(`${(tally.seeds / seconds).toFixed(1)} seeds/s`);
console.log(`${tally.seeds} seeds, ${tally.violated} violations`);
process.exit(tally.violated > 0 ? 1 : 0);
