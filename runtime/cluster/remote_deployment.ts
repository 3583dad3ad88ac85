import { SluiceError } from "../../actors/error.ts";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { Attempt } from "../master/attempt.ts";
import type { Deployment, DeploymentReports } from "../master/deployment.ts";
import { attributed } from "../task/chain.ts";
import type { AttemptReport, JobOrder, Outcome } from "./message.ts";

/** What a remote deployment is made from. */
export interface RemoteDeploymentOptions {
  readonly attempt: Attempt;
  readonly job: string;
  readonly workers: readonly string[];
  readonly reports: DeploymentReports;
  /** The latest completed checkpoint, and the last id that may have been triggered: for an attempt that runs already. */
  readonly latest: CheckpointId;
  readonly lastTriggered: CheckpointId;
  /** Orders have changed. */
  readonly changed: () => void;
  readonly now: () => number;
}

interface OpenCheckpoint {
  readonly last: boolean;
  readonly atMs: number;
  readonly mode: BarrierMode | null;
}

/** Where one worker's part is, as far as it is known. */
interface Part {
  phase: AttemptReport["phase"] | "unknown" | "lost";
  readonly received: Set<CheckpointId>;
  positions: Readonly<Record<string, string>>;
}

/**
 * An attempt on the workers of a cluster, as its master sees it. What the master wants is kept as a whole, and every order holds
 * all of it; what workers report is told to the master once.
 */
export class RemoteDeployment implements Deployment {
  readonly attempt: Attempt;
  readonly #options: RemoteDeploymentOptions;
  readonly #parts: ReadonlyMap<string, Part>;
  #phase: JobOrder["phase"] = "load";
  readonly #open = new Map<CheckpointId, OpenCheckpoint>();
  #completed: CheckpointId;
  #aborted: [CheckpointId, CheckpointId][] = [];
  readonly #loops = new Map<string, { readonly loop: number; readonly phase: "flush" | "close" }>();
  readonly #told = new Set<string>();
  readonly #committed = new Map<number, CheckpointId>();
  readonly #counts = new Map<string, Readonly<Record<string, number>>>();
  #closed = false;

  constructor(options: RemoteDeploymentOptions) {
    this.attempt = options.attempt;
    this.#options = options;
    this.#completed = options.latest;
    if (options.lastTriggered > options.latest) this.#aborted = [[options.latest + 1, options.lastTriggered]];
    this.#parts = new Map(options.workers.map((worker) => [worker, { phase: "unknown", received: new Set(), positions: {} }]));
  }

  get workers(): readonly string[] {
    return [...this.#parts.keys()];
  }

  /** Whether every part of it processes, as far as is known. */
  get processes(): boolean {
    return [...this.#parts.values()].every(({ phase }) => phase === "running");
  }

  /** What a worker is to do; undefined when it has no part in it. */
  order(worker: string): JobOrder | undefined {
    const part = this.#parts.get(worker);
    if (part === undefined) return undefined;
    const now = this.#options.now();
    return {
      job: this.#options.job,
      attempt: this.attempt.number,
      phase: this.#phase,
      open: [...this.#open].map(([id, { last, atMs, mode }]) => ({ id, last, elapsedMs: Math.max(0, now - atMs), mode })),
      completed: this.#completed,
      aborted: this.#aborted,
      loops: [...this.#loops.values()],
      received: [...part.received].filter((id) => id > this.#completed),
    };
  }

  // What workers report

  report(worker: string, report: AttemptReport): void {
    const part = this.#parts.get(worker);
    if (part === undefined || this.#closed || part.phase === "lost" || report.attempt !== this.attempt.number) return;
    const { reports } = this.#options;
    part.positions = report.positions;
    for (const subtask of report.drained) {
      this.#once(`drained ${subtask}`, () => reports.coordinate({ kind: "drained", subtask }));
    }
    for (const subtask of report.finished) {
      this.#once(`finished ${subtask}`, () => reports.coordinate({ kind: "finished", subtask }));
    }
    for (const skipped of report.skipped) {
      const { uid, subtask, hash } = skipped;
      // The record itself stays where it is.
      const letter = { ...skipped, record: undefined, timestamp: undefined };
      this.#once(`skipped ${uid} ${subtask} ${hash}`, () => reports.skipped(letter));
    }
    for (const [subtask, id] of report.committed) {
      if (id <= (this.#committed.get(subtask) ?? 0)) continue;
      this.#committed.set(subtask, id);
      reports.coordinate({ kind: "committed", subtask, id });
    }
    if (part.phase === report.phase) return;
    part.phase = report.phase;
    if (report.phase === "failed") {
      const { code, message, record } = report.failure ?? { code: "TASK_FAILED", message: "it does not say why", record: null };
      reports.failed(attributed(new SluiceError(code, message), worker, () => record ?? undefined));
    } else if (report.phase === "stopped" && this.#phase !== "stop") {
      reports.failed(new SluiceError("WORKER_LOST", `worker ${worker} has ended its part of attempt ${this.attempt.number}`));
    }
    this.#judge();
  }

  outcome(worker: string, { id, result }: Outcome): void {
    const part = this.#parts.get(worker);
    if (part === undefined || this.#closed || part.phase === "lost" || part.received.has(id)) return;
    const { reports } = this.#options;
    part.received.add(id);
    this.#options.changed();
    if (!this.#open.has(id)) return;
    if (result.kind === "declined") {
      const cause = new SluiceError("CHECKPOINT_DECLINED", `${worker}: ${result.reason}`);
      return reports.coordinate({ kind: "declined", id, reason: result.reason, counts: result.counts, cause });
    }
    for (const [task, subtask, counts] of result.counts) this.#counts.set(`${task}/${subtask}`, counts);
    const acknowledgements: readonly Acknowledgement[] = result.acknowledgements;
    reports.acknowledged(id, acknowledgements, result.file);
  }

  /** A worker is silent: what it may still do reaches nothing any more. */
  lost(worker: string, why: string): void {
    const part = this.#parts.get(worker);
    if (part === undefined || this.#closed || part.phase === "lost" || part.phase === "stopped") return;
    part.phase = "lost";
    this.#options.reports.failed(new SluiceError("WORKER_LOST", `worker ${worker} is lost: ${why}`));
    this.#judge();
  }

  #judge(): void {
    const phases = [...this.#parts.values()].map(({ phase }) => phase);
    const { reports } = this.#options;
    const isReady = phases.every((phase) => phase === "ready" || phase === "running");
    // What is to end is not to run, however late it says that it is ready.
    if (isReady && this.#phase !== "stop") this.#once("ready", () => reports.ready());
    if (this.#phase === "stop" && phases.every((phase) => phase === "stopped" || phase === "lost")) {
      this.#once("stopped", () => reports.stopped());
    }
  }

  #once(what: string, tell: () => void): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    tell();
  }

  // What the master wants

  run(): void {
    if (this.#phase !== "stop") this.#want(() => this.#phase = "run");
  }

  trigger(id: CheckpointId, last: boolean, elapsedMs: number = 0, mode?: BarrierMode): void {
    this.#want(() => this.#open.set(id, { last, atMs: this.#options.now() - elapsedMs, mode: mode ?? null }));
  }

  abort(id: CheckpointId): void {
    this.#want(() => {
      this.#open.delete(id);
      if (id > this.#completed) this.#aborted = [...this.#aborted, [id, id]];
    });
  }

  completed(id: CheckpointId): void {
    this.#want(() => {
      this.#completed = Math.max(this.#completed, id);
      for (const open of this.#open.keys()) if (open <= id) this.#open.delete(open);
      this.#aborted = this.#aborted.filter(([, to]) => to > this.#completed);
      for (const { received } of this.#parts.values()) for (const old of received) if (old <= id) received.delete(old);
    });
  }

  endLoop(loop: number, phase: "flush" | "close"): void {
    this.#want(() => this.#loops.set(`${loop} ${phase}`, { loop, phase }));
  }

  stop(): void {
    this.#want(() => this.#phase = "stop");
    this.#judge();
  }

  positions(): Readonly<Record<string, string>> {
    const positions: Record<string, string> = {};
    for (const part of this.#parts.values()) {
      for (const [uid, position] of Object.entries(part.positions)) {
        positions[uid] = positions[uid] === undefined ? position : `${positions[uid]}, ${position}`;
      }
    }
    return positions;
  }

  counts(task: number, subtask: number): Readonly<Record<string, number>> {
    return this.#counts.get(`${task}/${subtask}`) ?? {};
  }

  signal(): void {}

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #want(change: () => void): void {
    if (this.#closed) return;
    change();
    this.#options.changed();
  }
}
