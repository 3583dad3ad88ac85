/**
 * Supervision after OTP: what becomes of a supervisor's children when one of them exits. A pure decision; the executor is in
 * `children.ts`.
 *
 * Differences to OTP, on purpose: a restart waits (backoff with jitter), so that a dead dependency is not stormed; and a child
 * that is not restarted is forgotten, because a ref that was reported dead never comes back.
 */

/** Which siblings a failure takes along: none; all; those started after the one that failed. */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

/** When a child is restarted: always; after a failure; never, also not when a sibling's failure took it along. */
export type Restart = "permanent" | "transient" | "temporary";

/** How long a restart waits. */
export interface Backoff {
  /**
   * The first wait in milliseconds.
   * @default 10
   */
  readonly minMs: number;
  /**
   * The longest wait in milliseconds.
   * @default 10,000
   */
  readonly maxMs: number;
  /**
   * By what each wait is longer than the one before, while failures follow each other within the window.
   * @default 2
   */
  readonly factor: number;
  /**
   * Up to what share, from 0 to 1, a wait is shortened by chance, so that many who failed together do not return together.
   * @default 0.2
   */
  readonly jitter: number;
}

/** How a supervisor treats its children. */
export interface SupervisionOptions {
  /** @default "one-for-one" */
  readonly strategy?: Strategy;
  /**
   * More restarts than this within `windowMs` make the supervisor give up: it stops its children and fails itself.
   * @default 3
   */
  readonly maxRestarts?: number;
  /** @default 5,000 */
  readonly windowMs?: number;
  readonly backoff?: Partial<Backoff>;
}
