import { type Command, Option } from "commander";
import type { CheckpointMode } from "../checkpoint/manifest.ts";
import { duration } from "./flag_value.ts";

/** How and how often checkpoints are taken. */
export interface ModeFlags {
  readonly mode: "aligned" | "unaligned" | "timeout" | "at-least-once";
  readonly alignedTimeout: number;
  readonly interval: number;
}

export function modeFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--mode <mode>", "how checkpoints are taken")
        .choices(["aligned", "unaligned", "timeout", "at-least-once"]).default("timeout"),
    )
    .option("--aligned-timeout <duration>", "with --mode timeout: aligned for so long, then unaligned", duration, 500)
    .option("--interval <duration>", "time between two checkpoints", duration, 10_000);
}

export function checkpointMode({ mode, alignedTimeout }: ModeFlags): CheckpointMode {
  return mode === "timeout" ? { alignedTimeoutMs: alignedTimeout } : mode;
}
