import type { Processes } from "../../actors/processes.ts";

/** The processes of the simulated machine as life `number` of a job sees them: earlier lives are gone. */
export function processTable(number: number): Processes {
  const pid = number + 1;
  return {
    host: "simulated",
    self: () => Promise.resolve({ pid, startedAt: `life ${number}` }),
    lookUp: (other) => Promise.resolve(other === pid ? { kind: "running", startedAt: `life ${number}` } : { kind: "gone" }),
  };
}
