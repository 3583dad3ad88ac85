/**
 * Runs the tests unbuilt on Node, Deno and Bun, one runtime after another.
 *
 * `tsx test/run.ts [--runtime node|deno|bun] [--seeds N] [--from S] [--folder F] [FILTER …]`: a filter is a part of a file's
 * path. What failed is said behind its runtime's files, and again at the end. The last line is `N passed, N failed, N skipped`,
 * the sum over the runtimes; the exit code is 1 if anything failed.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { provideNatsServer } from "./nats/server.ts";
import { discover, type RuntimeName, runtimeNames } from "./runner/discover.ts";
import { findRuntime } from "./runner/runtimes.ts";
import { seedOfDay } from "./seeds.ts";
import { addTally, emptyTally, supervise, type Tally } from "./runner/supervise.ts";

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string", multiple: true },
    seeds: { type: "string" },
    from: { type: "string" },
    folder: { type: "string", default: "test" },
  },
});

const wanted = options.runtime ?? runtimeNames;
for (const name of wanted) {
  if (!(runtimeNames as readonly string[]).includes(name)) {
    console.error(`Unknown runtime "${name}": give one of ${runtimeNames.join(", ")}`);
    process.exit(2);
  }
}
if (options.seeds !== undefined) process.env["SLUICE_SEEDS"] = options.seeds;
if (options.from !== undefined) process.env["SLUICE_FROM"] = options.from;
if ((process.env["CI"] ?? "") !== "" && (process.env["SLUICE_FROM"] ?? "") === "") {
  const from = String(seedOfDay(Date.now()));
  process.env["SLUICE_FROM"] = from;
  console.log(`CI: today's seeds begin at ${from}; --from ${from} runs the same ones again`);
}

const counts = (tally: Tally): string => `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;
const total = emptyTally();
/** What failed on each runtime, as it was said. */
const said: string[] = [];
for (const name of wanted as RuntimeName[]) addTally(total, await runOn(name));

if (total.passed + total.failed + total.skipped === 0) {
  total.failed = 1;
  console.log(`No test file matches ${filters.join(", ")}`);
}
// Again, behind thousands of lines of the runtimes that came later: often only the end of what a run printed is kept.
if (wanted.length > 1) { for (const failure of said) console.log(failure); }
console.log(counts(total));
process.exitCode = total.failed > 0 ? 1 : 0;

async function runOn(name: RuntimeName): Promise<Tally> {
  const files = discover(name, options.folder, filters);
  if (files.length === 0) return emptyTally();
  const runtime = findRuntime(name);
  if (!("command" in runtime)) {
    const failures = [{ file: name, text: runtime.reason }];
    console.log(`== ${name}: FAILED, ${runtime.reason}\n`);
    return { ...emptyTally(), failed: 1, failures };
  }
  if (files.some((file) => file.startsWith("test/nats/"))) provideNatsServer((line) => console.log(line));
  console.log(`== ${name} ${runtime.version}: ${files.length} files`);
  const tally = await supervise(runtime, files, (line) => console.log(line));
  for (const { file, reason } of tally.skips) console.log(`SKIPPED ${file}: ${reason}`);
  for (const { file, text } of tally.failures) {
    const failure = `\nFAILURE on ${name}: ${file}\n  ${text.split("\n").join("\n  ")}`;
    said.push(failure);
    console.log(failure);
  }
  console.log(`\n== ${name}: ${counts(tally)}\n`);
  return tally;
}
