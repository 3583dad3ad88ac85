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
}

export const defaultTimes: ClusterTimes = { heartbeatMs: 500, workerTimeoutMs: 3_000, leaseMs: 3_000, orphanMs: 60_000 };

/** @throws {SluiceError} `BAD_OPTIONS` naming what cannot be */
export function checkedTimes(times: Partial<ClusterTimes> = {}): ClusterTimes {
  const all = { ...defaultTimes, ...times };
  for (const name of ["heartbeatMs", "workerTimeoutMs", "leaseMs", "orphanMs"] as const) {
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
  return all;
}
