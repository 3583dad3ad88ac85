import type { Random } from "../../actors/random.ts";

/** Something that befalls a run, and when. */
export interface Fault {
  readonly atMs: number;
  readonly kind: "process" | "snapshot" | "prepare" | "commit" | "kill" | "rescale" | "savepoint" | "return";
}

/** What may befall it. */
export interface ScheduleOptions {
  /** A process can be killed only where its checkpoints are not in its memory. */
  readonly mayKill: boolean;
  readonly rescales: boolean;
  /** Savepoints are taken, and returned to. */
  readonly savepoints: boolean;
}

/** Draws what befalls a run, in the order in which it happens. */
export function drawSchedule(random: Random, { mayKill, rescales, savepoints }: ScheduleOptions): Fault[] {
  const kinds: Fault["kind"][] = ["process", "process", "snapshot", "prepare", "commit"];
  if (mayKill) kinds.push("kill", "kill");
  const spanMs = 5 + random.next() * 60;
  const draw = (kind: Fault["kind"]): Fault => ({ atMs: random.next() * spanMs, kind });
  const some = (kind: Fault["kind"], most: number) => Array.from({ length: 1 + random.int(most) }, () => draw(kind));
  const faults = Array.from({ length: random.int(5) }, () => draw(random.pick(kinds)));
  if (rescales) faults.push(...some("rescale", 3));
  if (savepoints) faults.push(...some("savepoint", 3), ...some("return", 2));
  return faults.sort((a, b) => a.atMs - b.atMs);
}
