import { SluiceError } from "../../actors/error.ts";
import type { FaultEvent } from "./fault.ts";
import { printReplay, type Replay } from "./replay.ts";
import type { Violation } from "./violation.ts";

/** What a failed simulation tells. */
export interface FailureFacts {
  readonly job: string;
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The schedule that still fails after shrinking, and how many events it had before. */
  readonly faults: readonly FaultEvent[];
  readonly drawn: number;
  /** Whether a second run of the same seed and schedule went another way. */
  readonly differs: boolean;
  /** The latest that happened before. */
  readonly trace: readonly string[];
  /** The command that replays it, from what {@link printReplay} gives. */
  readonly command: (replay: string) => string;
}

/** A simulated run showed what it must not: with the seed, the shrunk fault schedule, and how to see it again. */
export class SimulationFailure extends SluiceError {
  readonly replay: Replay;
  readonly violations: readonly Violation[];

  constructor(facts: FailureFacts) {
    const { job, seed, violations, faults } = facts;
    const replay = { job, seed, faults: [...faults] };
    super("SIMULATION_FAILED", describe(facts, printReplay(replay)));
    this.replay = replay;
    this.violations = violations;
  }
}

function describe(facts: FailureFacts, replay: string): string {
  const { job, seed, violations, faults, drawn, differs, command } = facts;
  const needed = faults.length === 0
    ? "it takes no fault: parallelism, timing or a checkpoint is enough"
    : `${faults.length} of the ${drawn} faults drawn are enough:`;
  return [
    `job ${job} failed in simulation with seed ${seed}:`,
    ...violations.map(({ text }) => `  ${text}`),
    needed,
    ...faults.map((fault) => `  ${JSON.stringify(fault)}`),
    ...(differs
      ? ["the same seed gave another run the second time: something draws on real time or chance; use ctx.now() and world.random"]
      : []),
    "see it again:",
    `  ${command(replay)}`,
  ].join("\n");
}
