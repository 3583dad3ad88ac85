/** What a simulated run must not show. */
export type ViolationKind =
  /** Something of the output without faults is missing. */
  | "lost"
  /** There is something in the output that is not there without faults, or more often. */
  | "surplus"
  /** Records of one key came in another order. */
  | "order"
  /** What is outside the job is not as it is without faults. */
  | "outside"
  /** A rule of the engine was broken: see the invariants of docs/simulation.md. */
  | "invariant"
  /** With faults off, the job did not come to its end. */
  | "liveness"
  /** The user's own check threw. */
  | "check";

export interface Violation {
  readonly kind: ViolationKind;
  readonly text: string;
}
