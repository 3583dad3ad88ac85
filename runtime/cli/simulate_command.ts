import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { SluiceError } from "../../actors/error.ts";
import { quoted } from "../simulation/caller.ts";
import { type FaultKind, faultKinds } from "../simulation/fault.ts";
import type { SimulationReport } from "../simulation/result.ts";
import { simulate } from "../simulation/simulate.ts";
import type { JobUnderTest } from "../simulation/subject.ts";
import { defaultExport } from "../job/job_module.ts";
import type { Console } from "./console.ts";
import { wholeNumber } from "./flag_value.ts";
import { refusal } from "./refusal.ts";

interface SimulateFlags {
  readonly seeds: number;
  readonly from: number;
  readonly faults?: readonly FaultKind[];
  readonly replay?: string;
  readonly json: boolean;
}

/** `sluice simulate MODULE`; `done` gets the exit code. */
export function simulateCommand(console: Console, done: (exitCode: number) => void): Command {
  return new Command("simulate")
    .description("run a job in simulation, under faults drawn from seeds, and compare what it gives with a run without faults")
    .argument("<module>", "path of a module whose default export is a job, or better a function that returns one")
    .option("--seeds <n>", "how many seeds", wholeNumber, 100)
    .option("--from <seed>", "the first seed", wholeNumber, 1)
    .addOption(new Option("--faults <kinds>", `what may go wrong, of ${faultKinds.join(",")}`).argParser(kinds))
    .option("--replay <json>", "what a failure printed: that seed with those faults once more")
    .option("--json", "say what it came to as one line of JSON", false)
    .action(async (module: string, flags: SimulateFlags) => done(await simulateModule(console, module, flags)));
}

async function simulateModule(console: Console, module: string, flags: SimulateFlags): Promise<number> {
  const { seeds, from, faults, replay, json } = flags;
  try {
    const report = await simulate(await loadJob(console, module), {
      seed: from,
      seeds,
      ...(faults === undefined ? {} : { faults }),
      ...(replay === undefined ? {} : { replay }),
      command: (text) => `sluice simulate ${quoted(module)} --replay ${quoted(text)}`,
    });
    console.out(json ? JSON.stringify(report) : describeReport(report));
    return 0;
  } catch (error) {
    return refusal(console, "sluice simulate", json, error);
  }
}

/** The default export of a module of the user's own disk. */
async function loadJob(console: Console, module: string): Promise<JobUnderTest> {
  const path = resolve(console.folder, module);
  const exported = await defaultExport(path, (of) => console.load(of));
  if (exported !== undefined) return exported as JobUnderTest;
  throw new SluiceError("NOT_A_JOB", `${path} has no default export: write export default () => job("name", (flow) => { … })`);
}

function describeReport(report: SimulationReport): string {
  const { job, seeds, fired, checkpoints, captured, restored, recoveries, virtualMs } = report;
  const faults = Object.entries(fired).map(([kind, times]) => `${kind} ${times}`).join(", ") || "none";
  return [
    `job ${job}: ${(virtualMs / 1_000).toFixed(1)} s of virtual time, ${checkpoints} checkpoints, ${recoveries} recoveries`,
    `records under way: ${captured} captured, ${restored} restored`,
    `faults that had an effect: ${faults}`,
    `${seeds} seeds, 0 violations`,
  ].join("\n");
}

function kinds(text: string): readonly FaultKind[] {
  const named = text.split(",").map((kind) => kind.trim());
  const unknown = named.filter((kind) => !(faultKinds as readonly string[]).includes(kind));
  if (unknown.length > 0) throw new InvalidArgumentError(`There is no fault ${unknown.join(", ")}.`);
  return named as FaultKind[];
}
