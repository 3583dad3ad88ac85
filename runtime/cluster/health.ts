/** How well a member or a job does, as its service says it. */
export interface Health {
  /** `DEGRADED`: it goes on by itself when what is wrong has passed. */
  readonly health: "OK" | "DEGRADED";
  /** What is wrong, for people. */
  readonly troubles: readonly string[];
}

/** All is well that has no troubles. */
export function healthOf(troubles: readonly string[]): Health {
  return { health: troubles.length === 0 ? "OK" : "DEGRADED", troubles };
}
