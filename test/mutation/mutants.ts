import { alignmentMutants } from "./alignment_mutants.ts";
import { captureMutants } from "./capture_mutants.ts";
import { chunkMutants } from "./chunk_mutants.ts";
import { handOverMutants } from "./hand_over_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { recoveryMutants } from "./recovery_mutants.ts";
import { rowMutants } from "./row_mutants.ts";
import { savepointMutants } from "./savepoint_mutants.ts";
import { scenarioMutants } from "./scenario_mutants.ts";

/** All of them. Each must be killed: by the simulation within 500 seeds, or by the test it names. */
export const mutants: readonly Mutant[] = [
  ...alignmentMutants,
  ...captureMutants,
  ...chunkMutants,
  ...handOverMutants,
  ...rowMutants,
  ...recoveryMutants,
  ...savepointMutants,
  ...scenarioMutants,
];
