import { type Command, Option } from "commander";
import { SluiceError } from "../../actors/error.ts";
import { systemClock } from "../../actors/system_clock.ts";
import type { BarrierMode } from "../graph/frame.ts";
import type { Request } from "../cluster/message.ts";
import { answerOf, type Asking, clientCommand, type ClientFlags, say, withCluster } from "./cluster_client.ts";
import type { Console } from "./console.ts";
import { outcome } from "./job_outcome.ts";
import { snapshotPlace } from "./snapshot_place.ts";

interface SavepointFlags extends ClientFlags {
  readonly mode?: BarrierMode;
}

interface StopFlags extends SavepointFlags {
  readonly savepoint?: string | true;
  readonly wait: boolean;
}

const placeText =
  "a name: beside the job's checkpoints; or a path with a slash in it, which all members see (default: by the time)";

function modeOption(): Option {
  return new Option("--mode <mode>", "of the savepoint: aligned waits for records under way, unaligned takes them along")
    .choices(["aligned", "unaligned"]);
}

/** `sluice savepoint JOB [PLACE]`; `done` gets the exit code. */
export function savepointCommand(console: Console, done: (exitCode: number) => void): Command {
  return clientCommand("savepoint", "take a savepoint of a job, which goes on")
    .argument("<job>", "the job's name")
    .argument("[place]", placeText)
    .addOption(modeOption())
    .action(async (job: string, place: string | undefined, flags: SavepointFlags) =>
      done(
        await withCluster(console, "sluice savepoint", flags, async (asking) => {
          await taken(console, asking, { kind: "savepoint", job, ...savepointOf(console, place, flags) }, flags);
          return 0;
        }),
      )
    );
}

/** `sluice stop JOB`; `done` gets the exit code. */
export function stopCommand(console: Console, done: (exitCode: number) => void): Command {
  return clientCommand("stop", "end a job with a last checkpoint: submitted again it goes on from there")
    .argument("<job>", "the job's name")
    .option("--savepoint [place]", `write that checkpoint as a savepoint, too; ${placeText}`)
    .addOption(modeOption())
    .option("--wait", "wait until the job is over", false)
    .action(async (job: string, flags: StopFlags) =>
      done(await withCluster(console, "sluice stop", flags, (asking) => stopped(console, asking, job, flags)))
    );
}

async function stopped(console: Console, asking: Asking, job: string, flags: StopFlags): Promise<number> {
  const { savepoint, mode, wait } = flags;
  if (savepoint === undefined) {
    if (mode !== undefined) throw new SluiceError("USAGE", "--mode is that of the savepoint: it needs --savepoint");
    await asking({ kind: "stop", job, savepoint: null });
    if (!wait) return say(console, flags, { kind: "accepted", job }, `job ${job} was asked to end`);
  } else {
    const wanted = savepointOf(console, savepoint === true ? undefined : savepoint, flags);
    await taken(console, asking, { kind: "stop", job, savepoint: wanted }, flags);
  }
  return wait ? await outcome(console, asking, job, flags, ["stopped", "cancelled", "finished"]) : 0;
}

/** Has it taken, and says where it is. */
async function taken(console: Console, asking: Asking, request: Request, flags: ClientFlags): Promise<void> {
  const { kind, job, checkpoint, location } = answerOf(await asking(request), "savepoint");
  say(console, flags, { kind, job, checkpoint, location }, `savepoint ${checkpoint} of job ${job} is in ${location}`);
}

function savepointOf(console: Console, place: string | undefined, { mode = null }: { readonly mode?: BarrierMode | null }) {
  return { place: place === undefined ? nameByTime() : snapshotPlace(console, place), mode };
}

/** Such as `20261125-120722-417`. */
function nameByTime(): string {
  return new Date(systemClock.now()).toISOString().replace(/[-:Z]/g, "").replace(/[T.]/g, "-");
}
