/**
 * Takes rules out of the code, one at a time, and demands that some test notices: `npm run mutants [-- --only NAME]
 * [--seeds 500]`. NAME is a part of a mutant's name. Exits with 1 when one survives.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { mutants } from "./mutants.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: { only: { type: "string", default: "" }, seeds: { type: "string", default: "500" } },
});
const seeds = Number(values.seeds);
const chosen = mutants.filter((mutant) => mutant.name.includes(values.only));
if (!Number.isInteger(seeds) || seeds < 1 || chosen.length === 0) {
  console.error(`--seeds takes a whole number from 1; --only a part of a name:\n${mutants.map(({ name }) => name).join("\n")}`);
  process.exit(2);
}

const width = Math.max(...chosen.map(({ name }) => name.length));
const row = (name: string, by: string, at: string) => console.log(`${name.padEnd(width)}  ${by.padEnd(40)}  ${at}`.trimEnd());
using workshop = new Workshop();
let survivors = 0;
row("mutant", "killed by", "at seed");
for (const mutant of chosen) {
  const verdict = await workshop.try(mutant, seeds);
  if (verdict.kind === "killed") row(mutant.name, verdict.by, verdict.seed === undefined ? "" : String(verdict.seed));
  else {
    survivors++;
    row(mutant.name, `SURVIVED ${verdict.by}`, "");
  }
}
console.log(`${chosen.length} mutants, ${survivors} survived`);
process.exitCode = survivors > 0 ? 1 : 0;
