import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Outcome } from "./scenario.ts";

/** What a member of the crew is told to run. */
export interface CrewTask {
  readonly from: number;
  readonly seeds: number;
  readonly loops: boolean;
}

/** So few at a time that nobody is left with the last of them. */
const seedsAtOnce = 5;

/**
 * Runs seeds in `jobs` processes; whoever is free takes the next few. Outcomes are told as they come.
 *
 * @throws when a process ends before its seeds do, with the seeds it had
 */
export async function runByCrew(jobs: number, { from, seeds, loops }: CrewTask, told: (outcome: Outcome) => void): Promise<void> {
  let next = from;
  const end = from + seeds;
  const takeNext = (): CrewTask | undefined => {
    if (next >= end) return undefined;
    const task = { from: next, seeds: Math.min(seedsAtOnce, end - next), loops };
    next += task.seeds;
    return task;
  };
  const script = fileURLToPath(new URL("./crew_member.ts", import.meta.url));
  const size = Math.min(jobs, Math.ceil(seeds / seedsAtOnce));
  const members = Array.from({ length: size }, () => fork(script, { serialization: "advanced" }));
  try {
    await Promise.all(members.map((member) => employ(member, takeNext, told)));
  } finally {
    for (const member of members) member.kill();
  }
}

function employ(member: ChildProcess, takeNext: () => CrewTask | undefined, told: (outcome: Outcome) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let task = takeNext();
    let left = task?.seeds ?? 0;
    const handOut = () => {
      if (task === undefined) return resolve();
      member.send(task);
    };
    member.on("message", (outcome) => {
      told(outcome as Outcome);
      if (--left > 0) return;
      task = takeNext();
      left = task?.seeds ?? 0;
      handOut();
    });
    member.on("error", reject);
    member.on("exit", (code, signal) => {
      if (task === undefined) return;
      reject(new Error(`a process ended with ${signal ?? code} in seeds ${task.from} to ${task.from + task.seeds - 1}`));
    });
    handOut();
  });
}
