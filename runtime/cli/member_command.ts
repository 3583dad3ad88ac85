import { messageOf } from "../../actors/error.ts";
import { Command } from "commander";
import { resolve } from "node:path";
import type { LogEntry } from "../../actors/logger.ts";
import { systemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemProcesses } from "../../actors/system_processes.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { type ClusterMember, joinCluster } from "../cluster/member.ts";
import { ModuleFolder } from "../cluster/module_folder.ts";
import { defaultTimes } from "../cluster/times.ts";
import type { JobEvent } from "../master/event.ts";
import type { Console } from "./console.ts";
import { duration, wholeNumber } from "./flag_value.ts";
import { type NatsFlags, natsFlags, natsOptions } from "./nats_flags.ts";
import { describeEvent, eventToJson } from "./progress.ts";
import { refusal } from "./refusal.ts";

interface MemberFlags extends NatsFlags {
  readonly name?: string;
  readonly jobsDir: string;
  readonly state: string;
  readonly slots?: number;
  readonly stateDir?: string;
  readonly replicas: number;
  readonly drain: number;
  readonly heartbeat: number;
  readonly workerTimeout: number;
  readonly lease: number;
  readonly orphan: number;
  readonly blocked?: number;
  readonly blockLimit?: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

const roles = {
  node: {
    description: "take part in a cluster: run parts of jobs, and stand ready to coordinate",
    works: true,
    coordinates: true,
  },
  worker: { description: "take part in a cluster: run parts of jobs", works: true, coordinates: false },
  coordinator: { description: "take part in a cluster: stand ready to coordinate", works: false, coordinates: true },
} as const;

/** `sluice node`, `sluice worker`, `sluice coordinator`; `done` gets the exit code. */
export function memberCommand(role: keyof typeof roles, console: Console, done: (exitCode: number) => void): Command {
  const { description, works } = roles[role];
  const command = natsFlags(new Command(role).description(description))
    .option("--name <name>", "what it is called, with a random part behind it (default: the machine's name)")
    .option("--jobs-dir <dir>", "folder of the job modules: all members need the same ones", "jobs")
    .option(
      "--state <dir>",
      "folder of the checkpoints, which all members see; nats: (with the colon) keeps them in NATS",
      "state",
    );
  if (works) {
    command
      .option("--slots <n>", "how many subtasks of each operator can run here", wholeNumber, 4)
      .option("--state-dir <dir>", "folder on a local disk for keyed state of jobs with --state-backend disk")
      .option("--drain <duration>", "how long jobs may take to go on elsewhere when it is asked to end", duration, 30_000)
      .option("--blocked <duration>", "an event loop blocked for so long is reported (default: 1s)", duration)
      .option("--block-limit <duration>", "a worker blocked for so long is ended", duration, defaultTimes.blockLimitMs);
  }
  return command
    .option("--replicas <n>", "of how many NATS servers the cluster's bucket is kept, when it has to be made", wholeNumber, 1)
    .option("--heartbeat <duration>", "how often members say that they live", duration, defaultTimes.heartbeatMs)
    .option(
      "--worker-timeout <duration>",
      "a worker silent for so long is taken for lost",
      duration,
      defaultTimes.workerTimeoutMs,
    )
    .option("--lease <duration>", "a coordinator silent for so long is replaced", duration, defaultTimes.leaseMs)
    .option(
      "--orphan <duration>",
      "a worker without a coordinator for so long ends what it runs",
      duration,
      defaultTimes.orphanMs,
    )
    .option("--json", "say what happens as lines of JSON", false)
    .option("--quiet", "say nothing unless something is wrong", false)
    .action(async (flags: MemberFlags) => done(await takePart(role, console, flags)));
}

async function takePart(role: keyof typeof roles, console: Console, flags: MemberFlags): Promise<number> {
  const { coordinates } = roles[role];
  let member: ClusterMember;
  let name: string;
  try {
    const random = systemRandom();
    const disk = systemDisk();
    name = memberName(flags.name ?? systemProcesses().host, random.id());
    const modules = new ModuleFolder(resolve(console.folder, flags.jobsDir), { disk, load: (path) => console.load(path) });
    member = await joinCluster({
      cluster: flags.cluster,
      name,
      nats: await natsOptions(console, disk, flags),
      replicas: flags.replicas,
      shared: flags.state === "nats:" ? "nats" : { disk, folder: resolve(console.folder, flags.state) },
      modules: (module) => modules.job(module),
      ...(flags.slots === undefined ? {} : { slots: flags.slots }), // a flag of those that work
      ...(flags.stateDir === undefined ? {} : { stateDirectory: resolve(console.folder, flags.stateDir) }),
      coordinates,
      world: { clock: systemClock, random, disk, log: (entry) => logged(console, flags, entry) },
      times: {
        heartbeatMs: flags.heartbeat,
        workerTimeoutMs: flags.workerTimeout,
        leaseMs: flags.lease,
        orphanMs: flags.orphan,
        ...(flags.blocked === undefined ? {} : { blockedMs: flags.blocked }),
        ...(flags.blockLimit === undefined ? {} : { blockLimitMs: flags.blockLimit }),
      },
      onEvent: (job, event) => happened(console, flags, job, event),
    });
  } catch (error) {
    return refusal(console, `sluice ${role}`, flags.json, error);
  }
  if (flags.json) console.say(JSON.stringify({ kind: "joined", cluster: flags.cluster, name, role }));
  else if (!flags.quiet) console.say(`${role} ${name} takes part in cluster ${flags.cluster}`);
  return await untilAsked(console, flags, member);
}

/** Until it is asked to end. Asked once more it ends at once. */
function untilAsked(console: Console, flags: MemberFlags, member: ClusterMember): Promise<number> {
  return new Promise((resolve) => {
    let interrupts = 0;
    void member.hopeless.then(() => member.close()).then(() => resolve(1), () => resolve(1));
    const release = console.onInterrupt(() => {
      const first = ++interrupts === 1;
      const drains = first && member.worker !== undefined;
      if (drains && !flags.quiet && !flags.json) console.say("what runs here goes on elsewhere; once more to end at once");
      const ending = drains ? member.leave(flags.drain) : member.close();
      const end = (code: number) => {
        release();
        resolve(code);
      };
      void ending.then(() => end(interrupts > 1 && member.worker !== undefined ? 130 : 0), () => end(1));
    });
  });
}

function memberName(given: string, id: string): string {
  const name = given.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 40);
  return `${name === "" ? "member" : name}-${id.slice(0, 8)}`;
}

function logged(console: Console, flags: MemberFlags, { level, from, message, cause }: LogEntry): void {
  if (level === "debug" || (flags.quiet && level === "info")) return;
  const why = cause === undefined ? "" : `: ${messageOf(cause)}`;
  if (flags.json) console.say(JSON.stringify({ kind: "log", level, from, message: message + why }));
  else console.say(`${level === "info" ? "" : `${level}: `}${from}: ${message}${why}`);
}

function happened(console: Console, flags: MemberFlags, job: string, event: JobEvent): void {
  if (flags.json) return console.say(JSON.stringify({ job, ...JSON.parse(eventToJson(event)) }));
  const line = flags.quiet ? undefined : describeEvent(event);
  if (line !== undefined) console.say(`job ${job}: ${line}`);
}
