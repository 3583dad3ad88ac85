import { messageOf, SluiceError } from "../../actors/error.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import type { CheckpointMode } from "../checkpoint/manifest.ts";
import { askedReplay, ownCommand, quoted, replayVariable } from "./caller.ts";
import { type Conditions, type Deployment, drawConditions, plainConditions } from "./conditions.ts";
import { clusterProcesses, playCluster } from "./cluster_stage.ts";
import { playEmbedded, theProcess } from "./embedded_stage.ts";
import { type FailureFacts, SimulationFailure } from "./failure.ts";
import { type FaultEvent, type FaultKind, faultKinds } from "./fault.ts";
import { drawFaults, type FaultGround, ofNetworks, possibleKinds } from "./fault_draw.ts";
import { type Comparison, judge } from "./judge.ts";
import type { Played } from "./played.ts";
import { parseReplay, type Replay } from "./replay.ts";
import { ReportBuilder, resultOf, type SimulationReport, type SimulationResult } from "./result.ts";
import { shrink } from "./shrink.ts";
import { type JobUnderTest, RunWorld, type SimulatedStart, type Subject } from "./subject.ts";
import type { Violation } from "./violation.ts";

/** How a job is simulated. All of it is optional. */
export interface SimulateOptions {
  /** The first seed. @default 1 */
  readonly seed?: number;
  /** How many seeds, each a run of its own. @default 1 where `seed` is given, else 100 */
  readonly seeds?: number;
  /**
   * What may go wrong. Kinds that are named must happen in some seed.
   * @default every kind; from 200 seeds on each must happen that can happen to the job
   */
  readonly faults?: readonly FaultKind[];
  /** Called after every run; what it throws fails the simulation. */
  readonly check?: (result: SimulationResult) => void | Promise<void>;
  /**
   * Whether outputs are held against those of a run without faults, and how.
   * @default true: every record of a transactional sink as often, of others at least as often, in any order
   */
  readonly compare?: boolean | Comparison;
  /** Files that are on the disk when the job starts, by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * Where the job runs: `process`: in one, as `start` runs it; `cluster`: on three workers with two coordinators. Each seed
   * draws one.
   * @default both, `process` twice as often
   */
  readonly deployments?: readonly Deployment[];
  /** Options of `start`; checkpoint mode, interval and parallelism are drawn unless given. */
  readonly start?: SimulatedStart;
  /** What a failure printed, to see it again. @default the variable SLUICE_SIM, if it is of this job */
  readonly replay?: string;
  /** Called after each seed that did not fail, with all so far. */
  readonly onSeed?: (seed: number, report: SimulationReport) => void;
  /** The command that a failure prints, from the text that replays it. @default this process's, with the variable SLUICE_SIM */
  readonly command?: (replay: string) => string;
}

/** From so many seeds on each kind of fault must have happened. */
const manySeeds = 200;
const day = 86_400_000;

/**
 * Runs a job in virtual time, on a simulated disk and network, once for each seed: each draws what goes wrong and when, lets it
 * happen, then lets the job come to its end in peace, and compares what became visible with a run in which nothing goes wrong.
 * The same seed gives the same run.
 *
 * A run that shows something else is done again with ever fewer faults, until none can be left out.
 *
 * @param job the job, or better a function that makes it anew at every start of a process
 * @throws {SluiceError} `SIMULATION_FAILED` with the seed, what was wrong, the shortest fault schedule found and the command that
 * replays it; `SIMULATION_FAULTS_MISSING` when a kind of fault that should never happened; `BAD_OPTIONS`, `NOT_A_JOB`
 *
 * @example
 * ```ts
 * await simulate(() => job("words", (flow) => { … }), { seeds: 200 });
 * ```
 */
export async function simulate(job: JobUnderTest, options: SimulateOptions = {}): Promise<SimulationReport> {
  const simulation = new Simulation(job, options);
  return await simulation.run();
}

interface Baseline {
  readonly played: Played;
  /** The seed whose data it is of; undefined: of any. */
  readonly seed: number | undefined;
}

/** A run, and what was wrong with it. */
interface Tried {
  readonly played: Played;
  readonly violations: readonly Violation[];
}

class Simulation {
  readonly #options: SimulateOptions;
  readonly #subject: Subject;
  readonly #name: string;
  readonly #pinned: boolean;
  readonly #kinds: readonly FaultKind[];
  readonly #possible = new Set<FaultKind>();
  #baseline: Baseline | undefined;

  constructor(job: JobUnderTest, options: SimulateOptions) {
    const { start = {}, files = {}, faults = faultKinds } = options;
    checkOptions(options);
    this.#options = options;
    this.#subject = { job, start, files };
    this.#kinds = faults;
    const made = new RunWorld(options.seed ?? 1).load(job);
    for (const { id, role } of made.graph.operators) {
      if (role.kind !== "source" || role.source.bounded) continue;
      throw new SluiceError(
        "BAD_OPTIONS",
        `cannot simulate job ${made.graph.name}: source ${id} never ends; give it one that does, such as generate with a count`,
      );
    }
    this.#name = made.graph.name;
    this.#pinned = made.parallelism !== undefined || start.parallelism !== undefined;
  }

  async run(): Promise<SimulationReport> {
    const { seed = 1, seeds = this.#options.seed === undefined ? 100 : 1, onSeed } = this.#options;
    const report = new ReportBuilder(this.#name);
    const replay = this.#asked();
    if (replay !== undefined) {
      report.add(await this.#seed(replay.seed, replay.faults));
      return report.report();
    }
    for (let at = seed; at < seed + seeds; at++) {
      report.add(await this.#seed(at, undefined));
      onSeed?.(at, report.report());
    }
    this.#checkFired(report.report());
    return report.report();
  }

  #asked(): Replay | undefined {
    const given = this.#options.replay;
    const text = given ?? askedReplay();
    if (text === undefined) return undefined;
    const replay = parseReplay(text);
    if (replay.job === this.#name) return replay;
    if (given === undefined) return undefined; // it is of another simulation in this process
    throw new SluiceError("BAD_OPTIONS", `cannot replay: it is of job ${replay.job}, and this is ${this.#name}`);
  }

  /** One seed; `given` is the schedule of a replay, which is not shrunk. */
  async #seed(seed: number, given: readonly FaultEvent[] | undefined): Promise<Played> {
    const expected = await this.#expected(seed);
    const random = new SeededRandom(`simulation ${seed}`);
    const conditions = this.#conditions(random, expected);
    const ground = this.#ground(conditions, expected);
    for (const kind of possibleKinds(ground)) this.#possible.add(kind);
    const schedule = given ?? drawFaults(random.fork("faults"), this.#kinds, ground);
    const first = await this.#attempt(seed, conditions, schedule, expected);
    if (first.violations.length === 0) return first.played;
    const kinds = new Set(first.violations.map(({ kind }) => kind));
    let found = first;
    let faults = schedule;
    const again = await this.#attempt(seed, conditions, schedule, expected);
    if (given === undefined) {
      faults = await shrink(schedule, async (part) => {
        const tried = await this.#attempt(seed, conditions, part, expected);
        const fails = tried.violations.some(({ kind }) => kinds.has(kind));
        if (fails) found = tried;
        return fails;
      }, kinds.has("liveness") ? 25 : 200);
    }
    const differs = again.played.hash !== first.played.hash;
    throw this.#failure(seed, { ...found, faults, drawn: schedule.length, differs });
  }

  async #attempt(
    seed: number,
    conditions: Conditions,
    schedule: readonly FaultEvent[],
    expected: Played,
  ): Promise<Tried> {
    const livenessMs = 20 * conditions.spanMs + 10_000;
    const play = { seed, subject: this.#subject, conditions, schedule, livenessMs };
    const played = await (conditions.deployment === "cluster" ? playCluster(play) : playEmbedded(play));
    const violations = judge(played, expected, conditions.mode, this.#comparison());
    try {
      await this.#options.check?.(resultOf(seed, schedule, played, expected));
    } catch (error) {
      violations.push({ kind: "check", text: `the check says: ${messageOf(error)}` });
    }
    return { played, violations };
  }

  /** A run without faults: of any seed, unless the job draws from it. */
  async #expected(seed: number): Promise<Played> {
    const known = this.#baseline;
    if (known !== undefined && (known.seed === undefined || known.seed === seed)) return known.played;
    const conditions = { ...plainConditions, mode: this.#subject.start.checkpoints?.mode ?? plainConditions.mode };
    const played = await playEmbedded({ seed, subject: this.#subject, conditions, schedule: [], livenessMs: day });
    this.#baseline = { played, seed: played.usedRandom ? seed : undefined };
    const { violations } = played;
    if (violations.length === 0) return played;
    throw this.#failure(seed, { played, violations, faults: [], drawn: 0, differs: false });
  }

  #failure(
    seed: number,
    { played, ...found }: Tried & Pick<FailureFacts, "faults" | "drawn" | "differs">,
  ): SimulationFailure {
    const { command = (replay) => `${replayVariable}=${quoted(replay)} ${ownCommand()}` } = this.#options;
    return new SimulationFailure({ job: this.#name, seed, ...found, trace: played.trace, command });
  }

  #conditions(random: SeededRandom, { durationMs, read }: Played): Conditions {
    const { deployments = ["process", "process", "cluster"] } = this.#options;
    const drawn = drawConditions(random.fork("conditions"), { durationMs, records: read }, deployments);
    const { mode = drawn.mode } = this.#subject.start.checkpoints ?? {};
    const { parallelism = drawn.parallelism } = this.#subject.start;
    const networked = drawn.networked || this.#kinds.every((kind) => ofNetworks.includes(kind));
    return { ...drawn, mode: mode as CheckpointMode, parallelism, networked };
  }

  #ground({ spanMs, networked, deployment }: Conditions, { sources, sinks, transactional }: Played): FaultGround {
    const without: FaultKind[] = this.#pinned && this.#options.faults?.includes("rescale") !== true ? ["rescale"] : [];
    const processes = deployment === "cluster" ? clusterProcesses : [theProcess];
    return { spanMs, processes, networked, sources, sinks, transactional, without };
  }

  #comparison(): Comparison | undefined {
    const { compare = true } = this.#options;
    return compare === false ? undefined : compare === true ? {} : compare;
  }

  #checkFired({ seeds, fired }: SimulationReport): void {
    const { faults } = this.#options;
    if (faults === undefined && seeds < manySeeds) return;
    const wanted = faults ?? [...this.#possible];
    const missing = wanted.filter((kind) => (fired[kind] ?? 0) === 0);
    if (missing.length === 0) return;
    throw new SluiceError(
      "SIMULATION_FAULTS_MISSING",
      `job ${this.#name}: no fault of kind ${
        missing.join(", ")
      } had an effect in ${seeds} seeds, so nothing is known about it: ` +
        "give more seeds, or name the faults that can happen to this job in faults",
    );
  }
}

function checkOptions({ seed = 1, seeds = 1, faults = [] }: SimulateOptions): void {
  const wrong: string[] = [];
  if (!Number.isSafeInteger(seed) || seed < 0) wrong.push(`seed must be a whole number from 0, not ${String(seed)}`);
  if (!Number.isSafeInteger(seeds) || seeds < 1) wrong.push(`seeds must be a whole number from 1, not ${String(seeds)}`);
  const unknown = faults.filter((kind) => !faultKinds.includes(kind));
  if (unknown.length > 0) wrong.push(`faults has ${unknown.join(", ")}; there are ${faultKinds.join(", ")}`);
  if (wrong.length > 0) throw new SluiceError("BAD_OPTIONS", `cannot simulate: ${wrong.join("; ")}`);
}
