import { messageOf, SluiceError } from "../../actors/error.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import type { NetworkFaults } from "../../actors/simulation/network.ts";
import { World } from "../../actors/simulation/world.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import type { Job } from "../job/job.ts";
import type { JobEvent } from "../master/event.ts";
import type { StartOptions } from "../master/options.ts";
import { Exceptions } from "./exceptions.ts";
import { endOf, type FaultKind } from "./fault.ts";
import { Ledger } from "./ledger.ts";
import type { Play, Played } from "./played.ts";
import { RunWorld } from "./subject.ts";
import type { Violation } from "./violation.ts";
import { watchedJob } from "./watched_job.ts";

/** The folder of what Sluice itself keeps: no part of the job's files. */
export const ownFolder = "/.sluice";
const maxEvents = 400_000;
/** What the network and the disk take without faults. */
const calm: Partial<NetworkFaults> = { minDelayMs: 0.05, meanDelayMs: 0.1 };
/**
 * A turn of an actor takes a tenth of a millisecond here, however little it does: barriers must not take all of the time. On a
 * cluster they are less frequent anyway.
 */
const leastPauseMs = 3;
const latency = { minLatencyMs: 0.01, maxLatencyMs: 0.1 } as const;

/** What a run has besides its processes: the world, what is outside, and what is written down about it. */
export class Scene {
  readonly play: Play;
  readonly world: World;
  readonly exceptions = new Exceptions();
  readonly calm = calm;
  readonly events: JobEvent[] = [];
  readonly violations: Violation[] = [];
  readonly #around: RunWorld;
  readonly #ledger: Ledger;
  readonly #counts = { read: 0 };
  #medium: SimulatedDisk;
  #handles: SimulatedDisk[] = [];
  #graph: LogicalGraph | undefined;
  #lastFailure: unknown;
  #endedMs = 0;

  /** `latestComplete`: the highest checkpoint that is durably complete now, 0 for none. */
  constructor(play: Play, latestComplete: () => CheckpointId) {
    this.play = play;
    this.world = new World(play.seed, { network: calm });
    const { clock, random, trace } = this.world;
    this.#around = new RunWorld(play.seed);
    this.#ledger = new Ledger(trace, latestComplete);
    this.#medium = new SimulatedDisk({ clock, random: random.fork("disk"), ...latency });
  }

  /** When the last fault is over, in milliseconds since the run began. */
  get safeMs(): number {
    return Math.max(0, ...this.play.schedule.map(endOf));
  }

  // The disk

  /** The disk as it is now: after a power failure it is another one. */
  get disk(): SimulatedDisk {
    return this.#medium;
  }

  /** Every process's own, as far as it lives. */
  get handles(): readonly SimulatedDisk[] {
    return this.#handles = this.#handles.filter((handle) => handle.alive);
  }

  /** The disk for a process that starts. */
  openDisk(name: string): SimulatedDisk {
    const { clock, random } = this.world;
    const handle = this.#medium.handle({ clock, random: random.fork(`disk of ${name}`), ...latency });
    this.#handles.push(handle);
    return handle;
  }

  losePower(): void {
    this.#medium = this.#medium.crash();
  }

  /** Puts the job's files on the disk, before any time passes. */
  async lay(): Promise<void> {
    const disk = this.disk.handle({});
    for (const [path, content] of Object.entries(this.play.subject.files)) {
      const folders = path.split("/").slice(0, -1);
      if (folders.length > 0) await disk.makeDirectory(folders.join("/"));
      const writer = await disk.openWrite(path);
      await writer.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
      await writer.sync();
      await writer.close();
      folders.push("");
      for (let depth = 1; depth <= folders.length; depth++) {
        await disk.syncDirectory(folders.slice(0, depth).join("/") || ".");
      }
    }
  }

  // The job

  /** The job as a process loads it, watched. */
  load(): { readonly job: Job; readonly watched: Job } {
    const job = this.#around.load(this.play.subject.job);
    this.#graph = job.graph;
    const { pace } = this.play.conditions;
    const watch = { ledger: this.#ledger, exceptions: this.exceptions, counts: this.#counts, pace };
    return { job, watched: watchedJob(job, watch) };
  }

  /** What the job is started with, wherever it runs: restarts without an end, for the faults are not its own. */
  startOptions({ parallelism }: Job): StartOptions & { readonly checkpoints: NonNullable<StartOptions["checkpoints"]> } {
    const { subject: { start }, conditions } = this.play;
    const { mode, intervalMs, maxConcurrent } = conditions;
    const minPauseMs = conditions.deployment === "cluster" ? 0 : leastPauseMs;
    return {
      parallelism: parallelism ?? conditions.parallelism,
      restart: { kind: "fixed-delay", maxRestarts: 1_000_000, delayMs: 1 },
      poison: { policy: "fail", afterFailures: 1_000 },
      ...start,
      checkpoints: { mode, intervalMs, minPauseMs, maxConcurrent, tolerableFailures: 10, ...start.checkpoints },
      channels: { ...conditions.channels, ...start.channels },
    };
  }

  happened(event: JobEvent): void {
    this.events.push(event);
    const id = "checkpoint" in event ? ` ${event.checkpoint}` : "";
    const why = "cause" in event && event.cause instanceof Error ? `: ${event.cause.message}` : "";
    this.world.trace.note(`${event.kind}${id}${"reason" in event ? ` (${event.reason})` : ""}${why}`);
  }

  failed(error: unknown): void {
    this.#lastFailure = error;
    this.world.trace.note(`failed: ${messageOf(error)}`);
  }

  // The run

  /** Lets time pass until it is over, with faults and then without; what does not come to its end is a violation. */
  async run(isOver: () => boolean, leave: () => Promise<void>): Promise<void> {
    const { safeMs } = this;
    try {
      await this.world.run(isOver, { maxEvents, maxMs: safeMs + this.play.livenessMs });
      this.#endedMs = this.world.clock.monotonic();
      await leave();
    } catch (error) {
      if (!(error instanceof SluiceError) || !error.code.startsWith("SIMULATION_")) throw error;
      this.violations.push({ kind: "liveness", text: this.#stuck(error, safeMs) });
    }
  }

  played(fired: ReadonlyMap<FaultKind, number>): Played {
    const operators = this.#graph?.operators ?? [];
    const uids = (kind: string) => operators.filter(({ role }) => role.kind === kind).map(({ id }) => id);
    const visible = this.#ledger.visible();
    const problems = this.#ledger.problems.map((text): Violation => ({ kind: "invariant", text }));
    const { outside } = this.#around;
    return {
      deployment: this.play.conditions.deployment,
      visible,
      outside: outside.all(),
      compared: outside.compared(),
      files: new Map([...this.disk.files()].filter(([path]) => !path.startsWith(`${ownFolder}/`))),
      events: this.events,
      violations: [...this.violations, ...problems],
      fired,
      durationMs: this.#endedMs,
      read: this.#counts.read,
      usedRandom: this.#around.usedRandom,
      sources: uids("source"),
      sinks: uids("sink"),
      transactional: visible.filter(({ delivery }) => delivery === "transactional").map(({ uid }) => uid),
      hash: this.world.trace.hash,
      trace: this.world.trace.latest(),
    };
  }

  #stuck(error: SluiceError, safeMs: number): string {
    const last = this.#lastFailure;
    const failure = last === undefined ? "" : `; its last failure: ${messageOf(last)}`;
    const moved = `its sources have read ${this.#counts.read} records and its sinks were given ${this.#ledger.written}`;
    const why = error.code === "SIMULATION_STUCK"
      ? "nothing is left to happen: it waits for something outside the simulation, such as a real timer, file or socket"
      : `after ${this.world.clock.monotonic().toFixed(0)} ms`;
    return `faults are off since ${safeMs.toFixed(0)} ms, and the job is not over ${why}; ${moved}${failure}`;
  }
}
