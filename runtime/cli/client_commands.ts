import { Command, InvalidArgumentError } from "commander";
import { SluiceError } from "../../actors/error.ts";
import { systemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { ask } from "../cluster/client.ts";
import { isOver } from "../cluster/job_entry.ts";
import type { Answer, Request } from "../cluster/message.ts";
import { checkModuleName } from "../cluster/module_folder.ts";
import { checkClusterName } from "../cluster/names.ts";
import type { Parallelism } from "../graph/parallelism.ts";
import { connectNats } from "../nats/connect.ts";
import { NatsTransport } from "../nats/transport.ts";
import type { Console } from "./console.ts";
import { duration, wholeNumber } from "./flag_value.ts";
import { checkpointMode, type ModeFlags, modeFlags } from "./mode_flags.ts";
import { type NatsFlags, natsFlags, natsOptions } from "./nats_flags.ts";
import { refusal } from "./refusal.ts";
import { listing } from "./listing.ts";

interface ClientFlags extends NatsFlags {
  readonly timeout: number;
  readonly json: boolean;
}

interface SubmitFlags extends ClientFlags, ModeFlags {
  readonly name?: string;
  readonly parallelism?: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly wait: boolean;
}

interface EndFlags extends ClientFlags {
  readonly wait: boolean;
}

/** Asks the cluster's coordinator. */
type Asking = (request: Request) => Promise<Exclude<Answer, { kind: "refused" }>>;

/** `sluice submit`, `list`, `stop`, `cancel`, `resume` and `rescale`; `done` gets the exit code. */
export function clientCommands(console: Console, done: (exitCode: number) => void): readonly Command[] {
  const command = (name: string, description: string) =>
    natsFlags(new Command(name).description(description))
      .option("--timeout <duration>", "how long to ask again while no coordinator answers", duration, 15_000)
      .option("--json", "answer as JSON", false);
  const does = (name: string, flags: ClientFlags, work: (asking: Asking) => Promise<number>) =>
    withCluster(console, `sluice ${name}`, flags, work).then(done);

  const submit = modeFlags(command("submit", "have a cluster run a job"))
    .argument("<module>", "name of the job's module in the members' --jobs-dir, such as clicks")
    .option("--name <name>", "what the job is called (default: as its module says)")
    .option("--parallelism <n>", "subtasks of each operator that does not say its own", wholeNumber)
    .option("--options <json>", "further options of start(), as JSON", json, {})
    .option("--wait", "wait until the job is over", false)
    .action((module: string, flags: SubmitFlags) => does("submit", flags, (asking) => submitted(console, asking, module, flags)));

  const list = command("list", "list the jobs and the workers of a cluster")
    .action((flags: ClientFlags) =>
      does("list", flags, async (asking) => {
        const answer = await asking({ kind: "list" });
        if (flags.json) console.out(JSON.stringify(answer));
        else if (answer.kind === "listing") { for (const line of listing(answer)) console.out(line); }
        return 0;
      })
    );

  const ending = (name: "stop" | "cancel", description: string) =>
    command(name, description)
      .argument("<job>", "the job's name")
      .option("--wait", "wait until the job is over", false)
      .action((job: string, flags: EndFlags) =>
        does(name, flags, async (asking) => {
          await asking({ kind: name, job });
          if (flags.wait) return await outcome(console, asking, job, flags, ["stopped", "cancelled", "finished"]);
          return say(console, flags, { kind: "accepted", job }, `job ${job} was asked to end`);
        })
      );

  const resume = command("resume", "have a job go on that is paused at a record it cannot process")
    .argument("<job>", "the job's name")
    .action((job: string, flags: ClientFlags) =>
      does("resume", flags, async (asking) => {
        await asking({ kind: "resume", job });
        return say(console, flags, { kind: "accepted", job }, `job ${job} was asked to go on`);
      })
    );

  const rescale = command("rescale", "have a job go on with another parallelism")
    .argument("<job>", "the job's name")
    .argument("<parallelism>", "a number, or uid=number with commas between", parallelism)
    .action((job: string, parallelism: Parallelism, flags: ClientFlags) =>
      does("rescale", flags, async (asking) => {
        await asking({ kind: "rescale", job, parallelism });
        return say(console, flags, { kind: "accepted", job }, `job ${job} goes on with another parallelism`);
      })
    );

  return [
    submit,
    list,
    ending("stop", "end a job with a last checkpoint: submitted again it goes on from there"),
    ending("cancel", "end a job at once, without a checkpoint"),
    resume,
    rescale,
  ];
}

async function withCluster(
  console: Console,
  command: string,
  flags: ClientFlags,
  work: (asking: Asking) => Promise<number>,
): Promise<number> {
  try {
    const { cluster, timeout: patienceMs } = flags;
    checkClusterName("cluster", cluster);
    const random = systemRandom();
    const nats = { ...await natsOptions(console, systemDisk(), flags), name: `sluice ${cluster} client` };
    await using transport = new NatsTransport(await connectNats(nats), { ownsConnection: true });
    return await work(async (request) => {
      if ("job" in request && request.job !== null) checkClusterName("job", request.job);
      const answer = await ask({ transport, clock: systemClock, random, cluster, patienceMs }, request);
      if (answer.kind === "refused") throw new SluiceError(answer.code, answer.message);
      return answer;
    });
  } catch (error) {
    return refusal(console, command, flags.json, error);
  }
}

async function submitted(console: Console, asking: Asking, module: string, flags: SubmitFlags): Promise<number> {
  checkModuleName(module);
  const { checkpoints } = flags.options;
  const options = {
    ...flags.options,
    checkpoints: { mode: checkpointMode(flags), intervalMs: flags.interval, ...Object(checkpoints) },
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
  };
  const answer = await asking({ kind: "submit", module, job: flags.name ?? null, options });
  if (answer.kind !== "accepted") throw new SluiceError("MESSAGE_INVALID", "the coordinator answers something else");
  const { job } = answer;
  if (flags.wait) return await outcome(console, asking, job, flags, ["finished", "stopped"]);
  return say(console, flags, { kind: "accepted", job }, `job ${job} was submitted`);
}

/** How often it is looked whether a job is over, in milliseconds. */
const lookMs = 500;

/** Waits until a job is over; gives the exit code. */
async function outcome(
  console: Console,
  asking: Asking,
  job: string,
  flags: ClientFlags,
  good: readonly string[],
): Promise<number> {
  for (;;) {
    const answer = await asking({ kind: "list" });
    const view = answer.kind === "listing" ? answer.jobs.find((of) => of.job === job) : undefined;
    if (view !== undefined && isOver(view)) {
      const why = view.state === "failed" && view.failure !== null ? `: ${view.failure}` : "";
      say(console, flags, view, `job ${job} has ${view.state}, with checkpoint ${view.checkpoint}${why}`);
      return good.includes(view.state) ? 0 : 1;
    }
    await new Promise<void>((resolve) => void systemClock.setTimer(lookMs, resolve));
  }
}

function say(console: Console, flags: ClientFlags, data: object, line: string): number {
  console.out(flags.json ? JSON.stringify(data) : line);
  return 0;
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

/** `4`, or `count=4,out=1`. */
function parallelism(text: string): Parallelism {
  if (/^\d+$/.test(text)) return wholeNumber(text);
  const pairs = text.split(",").map((pair): [string, number] => {
    const at = pair.lastIndexOf("=");
    if (at < 1) throw new InvalidArgumentError("Give a number, or uid=number with commas between.");
    return [pair.slice(0, at), wholeNumber(pair.slice(at + 1))];
  });
  return Object.fromEntries(pairs);
}
