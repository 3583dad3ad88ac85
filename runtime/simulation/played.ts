import type { JobEvent } from "../master/event.ts";
import type { Conditions, Deployment } from "./conditions.ts";
import type { FaultEvent, FaultKind } from "./fault.ts";
import type { Visible } from "./ledger.ts";
import type { Subject } from "./subject.ts";
import type { Violation } from "./violation.ts";

/** One run to be played. */
export interface Play {
  readonly seed: number;
  readonly subject: Subject;
  readonly conditions: Conditions;
  readonly schedule: readonly FaultEvent[];
  /** With faults off it must end within so much virtual time. */
  readonly livenessMs: number;
}

/** What a run came to. */
export interface Played {
  readonly deployment: Deployment;
  readonly visible: readonly Visible[];
  /** What is outside the job, and what of it is compared, by name. */
  readonly outside: ReadonlyMap<string, unknown>;
  readonly compared: ReadonlyMap<string, unknown>;
  /** What is on the disk at the end, without what Sluice keeps of its own. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly events: readonly JobEvent[];
  readonly violations: readonly Violation[];
  readonly fired: ReadonlyMap<FaultKind, number>;
  readonly durationMs: number;
  /** Records that sources read. */
  readonly read: number;
  /** Whether the job draws from the seed. */
  readonly usedRandom: boolean;
  readonly sources: readonly string[];
  readonly sinks: readonly string[];
  readonly transactional: readonly string[];
  /** A digest of all that happened. */
  readonly hash: string;
  /** The latest that happened. */
  readonly trace: readonly string[];
}
