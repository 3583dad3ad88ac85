/**
 * Runs many seeds: `npm run simulate -- --seeds N --from S [--verbose]`. The last line is `N seeds, V violations`.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../actors/system_clock.ts";
import { type Outcome, runScenario } from "./scenario.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
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
const totals = { completed: 0, aborted: 0, restarts: 0, kills: 0, captured: 0, recovered: 0, single: 0 };
const faults = new Map<string, number>();
const modes = new Map<string, number>();
let violations = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const outcome = await runScenario(seed, values.verbose ? { log: (line) => console.log(line) } : {});
  add(outcome);
  if (outcome.violations.length > 0 || values.verbose) report(outcome);
}
const seconds = (systemClock.monotonic() - begin) / 1_000;
console.log(`modes: ${show(modes)}`);
console.log(`faults fired: ${show(faults)}`);
console.log(
  `checkpoints: ${totals.completed} completed, ${totals.aborted} aborted; restarts: ${totals.restarts}, kills: ${totals.kills}; ` +
    `records in flight: ${totals.captured} captured, ${totals.recovered} restored; exact at-least-once: ${totals.single}`,
);
console.log(`${(seeds / seconds).toFixed(1)} seeds/s`);
console.log(`${seeds} seeds, ${violations} violations`);
process.exit(violations > 0 ? 1 : 0);

function add(outcome: Outcome): void {
  for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += outcome.figures[key];
  for (const [fault, times] of outcome.faults) faults.set(fault, (faults.get(fault) ?? 0) + times);
  modes.set(outcome.mode, (modes.get(outcome.mode) ?? 0) + 1);
  if (outcome.violations.length > 0) violations++;
}

function report(outcome: Outcome): void {
  console.log(`seed ${outcome.seed}: ${outcome.description}`);
  for (const violation of outcome.violations) console.log(`  ${violation}`);
  console.log(`  again: npm run simulate -- --seeds 1 --from ${outcome.seed} --verbose`);
}

function show(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort().map(([name, times]) => `${name} ${times}`).join(", ") || "none";
}
