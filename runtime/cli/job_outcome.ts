import { systemClock } from "../../actors/system_clock.ts";
import { isOver } from "../cluster/job_entry.ts";
import { type Asking, type ClientFlags, say } from "./cluster_client.ts";
import type { Console } from "./console.ts";

/** How often it is looked whether a job is over, in milliseconds. */
const lookMs = 500;

/** Waits until a job is over; gives the exit code. */
export async function outcome(
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
