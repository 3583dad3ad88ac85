/** `npm run bench -- <suite> [options]`: measures, and says what it measured on. */
import { Command, InvalidArgumentError, Option } from "commander";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RuntimeName, thisRuntime } from "./machine.ts";
import { joinTables, type PrintedTable, printTable, Report } from "./report.ts";
import type { Suite } from "./suite.ts";

/** A suite is a file of `suites/`. */
const suites: readonly string[] = readdirSync(new URL("./suites/", import.meta.url))
  .filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -".ts".length)).sort();

interface Options {
  readonly json?: string;
  readonly append?: boolean;
  readonly svg?: string;
  readonly tables?: string;
  readonly runtime?: RuntimeName | "all";
  readonly peers: boolean;
  readonly seconds: number;
  readonly gb?: number;
  readonly quick: boolean;
}

const fileOf = (suite: string) => new URL(`./suites/${suite}.ts`, import.meta.url);

/** The first line of a suite's file. */
function questionOf(suite: string): string {
  const [first = ""] = readFileSync(fileOf(suite), "utf8").split("\n");
  return first.replace(/^\/\*\* ?| ?\*\/$/g, "");
}

function oneOf<Choice extends string>(choices: readonly Choice[]): (value: string) => Choice {
  return (value) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new InvalidArgumentError(`There are: ${choices.join(", ")}.`);
    return found;
  };
}

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

const here = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL("..", import.meta.url));

/** What starts this file on a runtime. */
const commands: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: [process.platform === "win32" ? "npx.cmd" : "npx", "tsx", here],
  deno: [`${root}node_modules/.bin/deno`, "run", "-A", here],
  bun: [`${root}node_modules/.bin/bun`, here],
};

/** The same measurement on other runtimes, one after the other: in one table, and one file of JSON. */
function runElsewhere(runtimes: readonly RuntimeName[], suite: string, options: Options): void {
  const words = [suite, "--seconds", String(options.seconds)];
  if (options.quick) words.push("--quick");
  if (options.peers) words.push("--peers");
  if (options.gb !== undefined) words.push("--gb", String(options.gb));
  const tables: [RuntimeName, PrintedTable[]][] = [];
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  for (const [index, runtime] of runtimes.entries()) {
    const [program = "", ...before] = commands[runtime];
    const json = options.json === undefined ? [] : ["--json", options.json, ...(index > 0 ? ["--append"] : [])];
    const file = join(folder, runtime);
    writeFileSync(file, "");
    const { status } = spawnSync(program, [...before, ...words, ...json, "--tables", file], { stdio: "inherit" });
    if (status !== 0) process.exitCode = status ?? 1;
    const lines = readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
    tables.push([runtime, lines.map((line) => JSON.parse(line) as PrintedTable)]);
  }
  rmSync(folder, { recursive: true });
  for (const table of joinTables(tables)) printTable(table);
}

async function run(suite: string, options: Options): Promise<void> {
  const { name } = thisRuntime();
  const runtimes: readonly RuntimeName[] = options.runtime === "all" ? ["node", "deno", "bun"] : [options.runtime ?? name];
  if (runtimes.length > 1 || runtimes[0] !== name) {
    if (options.svg !== undefined) {
      console.error("--svg draws what the runtime of this process measured: leave out --runtime.");
      process.exitCode = 2;
      return;
    }
    return runElsewhere(runtimes, suite, options);
  }
  console.log(questionOf(suite));
  const report = new Report(options.json, options.append ?? false, options.tables);
  const { run: measure } = await import(fileOf(suite).href) as Suite;
  const { quick, seconds, peers, gb } = options;
  try {
    await measure(report, { quick, seconds, peers, gb });
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    return;
  }
  if (options.svg !== undefined) {
    const { plot } = await import("./plot.ts");
    await plot(report, suite, options.svg);
  }
}

await new Command("bench")
  .description(`Measures.\n\n${suites.map((suite) => `  ${suite.padEnd(12)} ${questionOf(suite)}`).join("\n")}`)
  .argument("<suite>", "what to measure", oneOf(suites))
  .option("--json <file>", "write every measured case to a file, one JSON object a line")
  .option("--append", "add to the JSON file instead of replacing it")
  .addOption(new Option("--tables <file>", "write tables there, for whoever prints those of several runtimes").hideHelp())
  .option("--svg <file>", "draw the suite's plot, light, and dark next to it as <file>-dark")
  .option("--runtime <name>", "node, deno, bun or all", oneOf(["node", "deno", "bun", "all"] as const))
  .option("--peers", "measure beside Apache Flink and Hazelcast Jet on the same workload (needs Java 17 and Maven)", false)
  .option("--seconds <n>", "how long each side of a comparison is measured", positive, 8)
  .option("--gb <n>", "how much state, for disk_state", positive)
  .option("--quick", "only enough to see that everything works", false)
  .action(run)
  .parseAsync();
// What a benchmark was told to run forever must not hold the process.
process.exit();
