import type { Random } from "../../actors/random.ts";
import type { CheckpointMode } from "../checkpoint/manifest.ts";
import type { ChannelOptions } from "../master/options.ts";
import type { Pace } from "./watched_source.ts";

/** Where a job runs: in one process as `start` runs it, or on the workers of a cluster with two coordinators. */
export type Deployment = "process" | "cluster";

/** How a job runs in one seed, faults apart. */
export interface Conditions {
  readonly deployment: Deployment;
  readonly mode: CheckpointMode;
  readonly intervalMs: number;
  readonly maxConcurrent: number;
  readonly parallelism: number;
  /** Whether frames between subtasks are encoded and go over the network. */
  readonly networked: boolean;
  readonly channels: ChannelOptions;
  readonly pace: Pace;
  /** How long it takes, about. */
  readonly spanMs: number;
}

/** What a run without faults has told about a job. */
export interface Measured {
  readonly durationMs: number;
  /** Records that its sources read. */
  readonly records: number;
}

/** How a job runs to find out what it gives: without haste and in the plainest way. */
export const plainConditions: Conditions = {
  deployment: "process",
  mode: "aligned",
  intervalMs: 1_000,
  maxConcurrent: 1,
  parallelism: 1,
  networked: false,
  channels: {},
  pace: { burst: Infinity, pauseMs: 0 },
  spanMs: 0,
};

const modes: readonly CheckpointMode[] = ["aligned", "unaligned", "unaligned", { alignedTimeoutMs: 2 }];

/** Channels whose other end is missed soon, so that what is broken for good is so within the run. */
const patience = { probeMs: 20, silenceMs: 500 } as const;

/** What a cluster takes until it has begun, about; and how much longer things take there, until somebody is missed. */
const clusterStartMs = 150;
const clusterSlowness = 12;

/** Draws how a job runs in a seed. */
export function drawConditions(
  random: Random,
  { durationMs, records }: Measured,
  deployments: readonly Deployment[],
): Conditions {
  const deployment = random.fork("deployment").pick(deployments);
  const onCluster = deployment === "cluster";
  const mode = random.pick(modes);
  const pauses = 10 + random.int(50);
  const pauseMs = random.pick([0.5, 1, 3]) * (onCluster ? clusterSlowness : 1);
  const burst = Math.max(1, Math.ceil((2 * records) / pauses));
  const spanMs = durationMs + (pauses * pauseMs) / 2 + (onCluster ? clusterStartMs : 0);
  // Turns are short here: with 1 records are handed over whenever they can be.
  const handOverSteps = random.fork("hand over").pick([1, 32]);
  const maxConcurrent = mode !== "aligned" && random.chance(0.3) ? 2 : 1;
  return {
    deployment,
    mode,
    intervalMs: Math.max(1, Math.round(spanMs / ((onCluster ? 10 : 3) + random.int(20)))),
    maxConcurrent,
    parallelism: random.pick([1, 2, 2, 3, 4]),
    networked: random.chance(0.5) || onCluster,
    channels: { frameRecords: 1 + random.int(8), windowBytes: 1 + random.int(2_000), ...patience, handOverSteps },
    pace: { burst, pauseMs },
    spanMs,
  };
}
