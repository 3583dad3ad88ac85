import { type Command, InvalidArgumentError, Option } from "commander";
import type { Request } from "../cluster/message.ts";
import { checkModuleName } from "../cluster/module_folder.ts";
import { answerOf, type Asking, clientCommand, type ClientFlags, say, withCluster } from "./cluster_client.ts";
import type { Console } from "./console.ts";
import { wholeNumber } from "./flag_value.ts";
import { outcome } from "./job_outcome.ts";
import { checkpointMode, type ModeFlags, modeFlags } from "./mode_flags.ts";
import { plainJson } from "./plain_json.ts";
import { describeRestore } from "./restore_text.ts";
import { snapshotPlace } from "./snapshot_place.ts";

interface SubmitFlags extends ClientFlags, ModeFlags {
  readonly name?: string;
  readonly parallelism?: number;
  readonly stateBackend?: "heap" | "disk";
  readonly from?: string;
  readonly allowDropped: boolean;
  readonly allowDuplicates: boolean;
  readonly dryRun: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  readonly wait: boolean;
}

/** `sluice submit MODULE`; `done` gets the exit code. */
export function submitCommand(console: Console, done: (exitCode: number) => void): Command {
  return modeFlags(clientCommand("submit", "have a cluster run a job"))
    .argument("<module>", "name of the job's module in the members' --jobs-dir, such as clicks")
    .option("--name <name>", "what the job is called (default: as its module says)")
    .option("--parallelism <n>", "subtasks of each operator that does not say its own", wholeNumber)
    .addOption(
      new Option("--state-backend <backend>", "where keyed state is meanwhile: disk is in the workers' --state-dir")
        .choices(["heap", "disk"]),
    )
    .option(
      "--from <snapshot>",
      "start from this: the number of a checkpoint of the job, the name of a savepoint of it, or a path with a slash in it",
    )
    .option("--allow-dropped", "start although --from has state, or records under way, that the job has no place for", false)
    .option("--allow-duplicates", "start although a sink has already shown what comes after --from", false)
    .option("--dry-run", "only say what would be restored, and what would not; a job of the name may run meanwhile", false)
    .option("--options <json>", "further options of start(), as JSON", json, {})
    .option("--wait", "wait until the job is over", false)
    .action(async (module: string, flags: SubmitFlags) =>
      done(await withCluster(console, "sluice submit", flags, (asking) => submitted(console, asking, module, flags)))
    );
}

async function submitted(console: Console, asking: Asking, module: string, flags: SubmitFlags): Promise<number> {
  checkModuleName(module);
  const what = { module, job: flags.name ?? null, options: optionsOf(console, flags) };
  if (flags.dryRun) return await dryRun(console, asking, { kind: "plan", ...what }, flags);
  const { job } = answerOf(await asking({ kind: "submit", ...what }), "accepted");
  if (flags.wait) return await outcome(console, asking, job, flags, ["finished", "stopped"]);
  return say(console, flags, { kind: "accepted", job }, `job ${job} was submitted`);
}

/** Says what the coordinator would restore; 1 when it would refuse. */
async function dryRun(console: Console, asking: Asking, request: Request, { json }: SubmitFlags): Promise<number> {
  const { plan } = answerOf(await asking(request), "plan");
  if (json) console.out(plainJson(plan));
  else if (plan === null) console.out("nothing to restore: the job would begin from nothing");
  else for (const line of describeRestore(plan)) console.out(line);
  return plan === null || plan.problems.length === 0 ? 0 : 1;
}

function optionsOf(console: Console, flags: SubmitFlags): Readonly<Record<string, unknown>> {
  const { checkpoints, state } = flags.options;
  const { parallelism, stateBackend, from } = flags;
  return {
    ...flags.options,
    checkpoints: { mode: checkpointMode(flags), intervalMs: flags.interval, ...Object(checkpoints) },
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(stateBackend === undefined ? {} : { state: { ...Object(state), backend: stateBackend } }),
    ...(from === undefined ? {} : { from: /^\d+$/.test(from) ? Number(from) : snapshotPlace(console, from) }),
    ...(flags.allowDropped ? { allowDropped: true } : {}),
    ...(flags.allowDuplicates ? { allowDuplicates: true } : {}),
  };
}

function json(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // said below
  }
  throw new InvalidArgumentError(`Give an object of JSON, such as '{"poison":{"policy":"skip"}}'.`);
}
