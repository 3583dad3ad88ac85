import type { CheckpointMode } from "../../runtime/checkpoint/manifest.ts";
import type { JobEvent } from "../../runtime/master/event.ts";
import type { RandomJob } from "./random_job.ts";

/**
 * Compares what became visible with what a plain loop gives.
 *
 * @param begun where in the events another store of checkpoints began, with ids above this one
 */
export function judge(
  job: RandomJob,
  mode: CheckpointMode,
  events: readonly JobEvent[],
  begun: ReadonlyMap<number, number>,
  violations: string[],
): void {
  violations.push(...job.sink.problems, ...(mode === "at-least-once" && !job.singleInput ? [] : job.disorder.slice(0, 3)));
  let latest = 0;
  for (const [index, event] of events.entries()) {
    latest = begun.get(index) ?? latest;
    if (event.kind !== "checkpoint-completed") continue;
    if (event.checkpoint <= latest) violations.push(`checkpoint ${event.checkpoint} completed after ${latest}`);
    latest = event.checkpoint;
  }
  const exact = mode !== "at-least-once" || job.singleInput;
  const want = tally(exact ? job.expected : job.expected.map(withoutTags));
  const got = tally(exact ? job.sink.values : job.sink.values.map(withoutTags));
  let told = 0;
  const say = (text: string) => told++ < 3 && violations.push(text);
  for (const [id, times] of want) if ((got.get(id) ?? 0) < times) say(`lost: ${id} (${got.get(id) ?? 0} of ${times})`);
  if (!exact) return;
  for (const [id, times] of got) if (times > (want.get(id) ?? 0)) say(`too many: ${id} (${times} for ${want.get(id) ?? 0})`);
}

function withoutTags(id: string): string {
  const at = id.indexOf("#");
  return at < 0 ? id : id.slice(0, at);
}

function tally(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
