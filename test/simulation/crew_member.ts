/** A process that runs the seeds it is told to, and tells the outcome of each. */
import process from "node:process";
import type { CrewTask } from "./crew.ts";
import { runScenario } from "./scenario.ts";

process.on("message", async (message) => {
  const { from, seeds, loops } = message as CrewTask;
  for (let seed = from; seed < from + seeds; seed++) process.send?.(await runScenario(seed, { loops }));
});
process.on("disconnect", () => process.exit());
