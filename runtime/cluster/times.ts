import { SluiceError } from "../../actors/error.ts";

/** How patient the members of a cluster are with each other, in milliseconds. All members of a cluster have the same. */
export interface ClusterTimes {
  /** How often members say that they live. @default 500 */
  readonly heartbeatMs: number;
  /** A worker that is silent for so long is taken for lost; its jobs restart elsewhere. @default 3,000 */
  readonly workerTimeoutMs: number;
  /** A coordinator that has not renewed its lease for so long is replaced. @default 3,000 */
  readonly leaseMs: number;
  /** A worker that hears no coordinator for so long ends what it runs. @default 60,000 */
  readonly orphanMs: number;
  /**
   * A worker whose event loop has not turned for so long is reported, with the operator whose turn it is.
   * @default 1,000, or half of `workerTimeoutMs`
   */
  readonly blockedMs: number;
  /** One that has not turned for so long is ended; until then it is not taken for lost. @default 60,000 */
  readonly blockLimitMs: number;
}

export const defaultTimes: ClusterTimes = {
  heartbeatMs: 500,
  workerTimeoutMs: 3_000,
  leaseMs: 3_000,
  orphanMs: 60_000,
  blockedMs: 1_000,
  blockLimitMs: 60_000,
};

/** @throws {SluiceError} `BAD_OPTIONS` naming what cannot be */
export function checkedTimes(times: Partial<ClusterTimes> = {}): ClusterTimes {
  const { workerTimeoutMs = defaultTimes.workerTimeoutMs } = times;
  const blockedMs = Math.max(1, Math.min(defaultTimes.blockedMs, Math.floor(workerTimeoutMs / 2)));
  const all = { ...defaultTimes, blockedMs, ...times };
  for (const name of Object.keys(defaultTimes) as (keyof ClusterTimes)[]) {
    if (Number.isInteger(all[name]) && all[name] >= 1 && all[name] < 2 ** 31) continue;
    throw new SluiceError("BAD_OPTIONS", `${name} must be a whole number of milliseconds from 1, not ${String(all[name])}`);
  }
  if (all.workerTimeoutMs < 2 * all.heartbeatMs) {
    throw new SluiceError(
      "BAD_OPTIONS",
      `workerTimeoutMs (${all.workerTimeoutMs}) must be at least twice heartbeatMs (${all.heartbeatMs}): ` +
        "one lost heartbeat is no lost worker",
    );
  }
  if (2 * all.blockedMs > all.workerTimeoutMs) {
    throw new SluiceError(
      "BAD_OPTIONS",
      `blockedMs (${all.blockedMs}) must be at most half of workerTimeoutMs (${all.workerTimeoutMs}): blocked is not lost`,
    );
  }
  return all;
}
