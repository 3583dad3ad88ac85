import type { JobEvent } from "../master/event.ts";
import type { FaultEvent, FaultKind } from "./fault.ts";
import type { Visible } from "./ledger.ts";
import type { Played } from "./played.ts";

/** What one simulated run came to, for a check of the user's. */
export interface SimulationResult {
  readonly seed: number;
  readonly faults: readonly FaultEvent[];
  /** What is visible of each sink at the end, by uid, in the order in which it became so. */
  readonly outputs: Readonly<Record<string, readonly unknown[]>>;
  /** The same after a run without faults. */
  readonly expected: Readonly<Record<string, readonly unknown[]>>;
  /** What `world.outside` made, by name. */
  readonly outside: Readonly<Record<string, unknown>>;
  /** Every file on the disk, by absolute path, without the checkpoints. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What happened to the job, through all its starts. */
  readonly events: readonly JobEvent[];
}

/** What many simulated runs came to. */
export interface SimulationReport {
  readonly job: string;
  readonly seeds: number;
  /** How many faults of each kind had an effect. */
  readonly fired: Readonly<Partial<Record<FaultKind, number>>>;
  /** Checkpoints that completed. */
  readonly checkpoints: number;
  /** Records that completed checkpoints captured under way, and that restores put back. */
  readonly captured: number;
  readonly restored: number;
  /** Attempts that went on from a checkpoint. */
  readonly recoveries: number;
  /** Virtual time that passed, in milliseconds. */
  readonly virtualMs: number;
  /** A digest of all that happened: the same for the same seeds. */
  readonly hash: string;
}

export function resultOf(seed: number, faults: readonly FaultEvent[], actual: Played, expected: Played): SimulationResult {
  return {
    seed,
    faults,
    outputs: byUid(actual.visible),
    expected: byUid(expected.visible),
    outside: Object.fromEntries(actual.outside),
    files: actual.files,
    events: actual.events,
  };
}

function byUid(visible: readonly Visible[]): Record<string, readonly unknown[]> {
  return Object.fromEntries(visible.map(({ uid, records }) => [uid, records]));
}

/** Adds up what runs came to. */
export class ReportBuilder {
  readonly #job: string;
  readonly #fired = new Map<FaultKind, number>();
  #seeds = 0;
  #checkpoints = 0;
  #captured = 0;
  #restored = 0;
  #recoveries = 0;
  #virtualMs = 0;
  #hash = 0x811c_9dc5;

  constructor(job: string) {
    this.#job = job;
  }

  add({ fired, events, durationMs, hash }: Played): void {
    this.#seeds++;
    this.#virtualMs += durationMs;
    for (const [kind, times] of fired) this.#fired.set(kind, (this.#fired.get(kind) ?? 0) + times);
    for (const event of events) {
      if (event.kind === "checkpoint-completed") {
        this.#checkpoints++;
        this.#captured += event.figures.inFlightRecords;
      } else if (event.kind === "started" && event.checkpoint !== undefined) {
        this.#recoveries++;
        this.#restored += event.inFlightRecords;
      }
    }
    this.#hash = Math.imul(this.#hash ^ parseInt(hash, 16), 0x0100_0193);
  }

  report(): SimulationReport {
    return {
      job: this.#job,
      seeds: this.#seeds,
      fired: Object.fromEntries([...this.#fired].sort(([a], [b]) => a < b ? -1 : 1)),
      checkpoints: this.#checkpoints,
      captured: this.#captured,
      restored: this.#restored,
      recoveries: this.#recoveries,
      virtualMs: this.#virtualMs,
      hash: (this.#hash >>> 0).toString(16).padStart(8, "0"),
    };
  }
}
