import { basename, dirname, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Job } from "../job/job.ts";
import { jobOfModule } from "../job/job_module.ts";
import type { StartOptions } from "../master/options.ts";
import { planRestore } from "../master/plan_restore.ts";
import type { Run } from "../master/run.ts";
import { start } from "../master/start.ts";
import type { Console } from "./console.ts";
import { wholeNumber } from "./flag_value.ts";
import { checkpointMode, type ModeFlags, modeFlags } from "./mode_flags.ts";
import { plainJson } from "./plain_json.ts";
import { describeEvent, eventToJson } from "./progress.ts";
import { refusal } from "./refusal.ts";
import { describeRestore } from "./restore_text.ts";

interface RunFlags extends ModeFlags {
  readonly parallelism?: number;
  readonly state?: string;
  readonly stateBackend: "heap" | "disk";
  readonly stateScratch: string;
  readonly from?: CheckpointId | string;
  readonly allowDropped: boolean;
  readonly allowDuplicates: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** `sluice run MODULE`; `done` gets the exit code. */
export function runCommand(console: Console, done: (exitCode: number) => void): Command {
  const command = new Command("run")
    .description("run a job in this process: the default export of a module")
    .argument("<module>", "path of the module, such as ./clicks.ts")
    .option("--parallelism <n>", "subtasks of each operator that does not say its own", wholeNumber);
  return modeFlags(command)
    .option("--state <dir>", "folder of the checkpoints; a job started again with it goes on from the latest")
    .addOption(
      new Option("--state-backend <backend>", "where keyed state is meanwhile: disk is for more than fits into memory")
        .choices(["heap", "disk"]).default("heap"),
    )
    .option(
      "--state-scratch <dir>",
      "with --state-backend disk: its folder, on a local disk, emptied at start and end",
      "scratch",
    )
    .option(
      "--from <snapshot>",
      "start from this instead: the number of a checkpoint of --state, or the folder of a savepoint or checkpoint",
      snapshot,
    )
    .option("--allow-dropped", "start although --from has state, or records under way, that the job has no place for", false)
    .option("--allow-duplicates", "start although a sink has already shown what comes after --from", false)
    .option("--dry-run", "only say what would be restored, and what would not; the job of --state may run meanwhile", false)
    .option("--json", "say what happens as lines of JSON: one for each event, or one of kind refused if it cannot start", false)
    .option("--quiet", "say nothing unless it fails", false)
    .action(async (module: string, flags: RunFlags) => done(await runModule(console, module, flags)));
}

async function runModule(console: Console, module: string, flags: RunFlags): Promise<number> {
  let run: Run;
  try {
    if (typeof flags.from === "number" && flags.state === undefined) {
      throw new SluiceError("USAGE", "--from needs --state: the folder that holds the checkpoint");
    }
    const job = await jobOfModule(resolve(console.folder, module), (path) => console.load(path));
    const options = startOptions(console, flags);
    if (flags.dryRun) return await dryRun(console, job, options, flags);
    run = await start(job, options);
  } catch (error) {
    return refusal(console, "sluice run", flags.json, error);
  }
  let interrupts = 0;
  let cancelled = false;
  const release = console.onInterrupt(() => {
    if (++interrupts === 1) {
      if (!flags.quiet && !flags.json) console.say("stopping with a last checkpoint; once more to end at once");
      run.stop().catch(() => {});
    } else {
      cancelled = true;
      void run.cancel();
    }
  });
  const events = report(run, console, flags);
  try {
    await run.finished;
    await events;
    return 0;
  } catch (error) {
    await events;
    if (cancelled) return 130;
    if (flags.quiet && !flags.json) console.say(`sluice run: ${messageOf(error)}`);
    return 1;
  } finally {
    release();
    await run[Symbol.asyncDispose]();
  }
}

/** Says what a start would restore; 1 when it would be refused. */
async function dryRun(console: Console, job: Job, options: StartOptions, { state, from, json }: RunFlags): Promise<number> {
  if (from === undefined && state === undefined) {
    throw new SluiceError("USAGE", "--dry-run needs --from, or --state: the folder of the checkpoints");
  }
  const plan = await planRestore(job, options);
  if (json) console.out(plainJson(plan ?? null));
  else if (plan === undefined) console.out("nothing to restore: the job would begin from nothing");
  else for (const line of describeRestore(plan)) console.out(line);
  return plan === undefined || plan.problems.length === 0 ? 0 : 1;
}

/** A checkpoint of the job's own folder is its own, however it is named: the job goes on with its life. */
function fromOf(console: Console, { from, state }: RunFlags): Pick<StartOptions, "from"> {
  if (from === undefined) return {};
  if (typeof from === "number") return { from };
  const folder = resolve(console.folder, from);
  const own = /^chk-([1-9]\d*)-\d+$/.exec(basename(folder))?.[1];
  const inState = state !== undefined && dirname(folder) === resolve(console.folder, state);
  return { from: own !== undefined && inState ? Number(own) : folder };
}

function startOptions(console: Console, flags: RunFlags): StartOptions {
  const directory = flags.state === undefined ? {} : { directory: resolve(console.folder, flags.state) };
  const scratch = resolve(console.folder, flags.stateScratch);
  return {
    ...(flags.stateBackend === "disk" ? { state: { backend: "disk", directory: scratch } as const } : {}),
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
    ...fromOf(console, flags),
    allowDropped: flags.allowDropped,
    allowDuplicates: flags.allowDuplicates,
    checkpoints: { mode: checkpointMode(flags), intervalMs: flags.interval, ...directory },
    log: () => {}, // what matters comes as an event
  };
}

/** Says what happens until the run is over. With --json on the results' own stream, else to people. */
async function report(run: Run, console: Console, flags: RunFlags): Promise<void> {
  for await (const event of run.events) {
    if (flags.json) {
      console.say(eventToJson(event));
    } else if (!flags.quiet) {
      const line = describeEvent(event);
      if (line !== undefined) console.say(line);
    }
  }
}

/** The number of a checkpoint, or a folder. */
function snapshot(text: string): CheckpointId | string {
  if (!/^\d+$/.test(text)) return text;
  if (Number(text) >= 1) return Number(text);
  throw new InvalidArgumentError("Give the number of a checkpoint, or the folder of a savepoint or checkpoint.");
}
