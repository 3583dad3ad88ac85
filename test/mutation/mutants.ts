import { alignmentMutants } from "./alignment_mutants.ts";
import { captureMutants } from "./capture_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { recoveryMutants } from "./recovery_mutants.ts";

/**
 * All of them. Each must be killed: by the simulation within 500 seeds, or by the test it names.
 *
 * Not yet caught, and therefore not in the list: new records of an edge are read before its recovered ones
 * (`InputGate.#canRead` in `runtime/task/gate.ts` always true).
 */
export const mutants: readonly Mutant[] = [...alignmentMutants, ...captureMutants, ...recoveryMutants];
