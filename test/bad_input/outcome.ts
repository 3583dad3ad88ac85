import * as assert from "uvu/assert";
import type { SluiceError } from "../../actors/error.ts";
import type { Job } from "../../runtime/job/job.ts";
import type { JobEvent } from "../../runtime/master/event.ts";
import type { StartOptions } from "../../runtime/master/options.ts";
import { start } from "../../runtime/master/start.ts";

/**
 * Runs a job to its end, quietly; rejects with what it fails with, at the start or later: with the failure itself, not with
 * `JOB_FAILED`, whose message must have that of the failure in it. Gives back what happened.
 */
export async function outcome(job: Job, options: StartOptions = {}): Promise<JobEvent[]> {
  await using run = await start(job, { log: () => {}, ...options });
  try {
    await run.finished;
  } catch (error) {
    const given = error as SluiceError;
    const { cause } = given;
    if (given.code !== "JOB_FAILED" || !(cause instanceof Error)) throw error;
    assert.ok(given.message.includes(cause.message), given.message);
    throw cause;
  }
  const events: JobEvent[] = [];
  for await (const event of run.events) events.push(event);
  return events;
}

/** What the last checkpoint of a run has counted under a name, in all. */
export function counted(events: readonly JobEvent[], name: string): number {
  const last = events.findLast((event) => event.kind === "checkpoint-completed");
  return last?.figures.subtasks.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0) ?? 0;
}
