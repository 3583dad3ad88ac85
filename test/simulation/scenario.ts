import { type ActorSystem, createSystem } from "../../actors/system.ts";
import { SluiceError } from "../../actors/error.ts";
import { silent } from "../../actors/logger.ts";
import type { Random } from "../../actors/random.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import type { CheckpointMode } from "../../runtime/checkpoint/manifest.ts";
import { withParallelism } from "../../runtime/graph/parallelism.ts";
import { fileStorage } from "../../runtime/checkpoint/file_storage.ts";
import { memoryStorage } from "../../runtime/checkpoint/memory_storage.ts";
import type { CheckpointStorage } from "../../runtime/checkpoint/storage.ts";
import type { Job } from "../../runtime/job/job.ts";
import type { JobEvent } from "../../runtime/master/event.ts";
import type { StartOptions } from "../../runtime/master/options.ts";
import type { Run } from "../../runtime/master/run.ts";
import { startLinked } from "../../runtime/master/start.ts";
import { processTable } from "./process_table.ts";
import { Faults } from "./faults.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { judge } from "./judge.ts";
import { type RandomJob, randomJob } from "./random_job.ts";
import { SavepointUser } from "./savepoints.ts";
import { drawSchedule, type Fault } from "./schedule.ts";
import { RevocableSink } from "./sim_sink.ts";
import { SimStores } from "./sim_stores.ts";
import { drawWire, SimulatedWire, type WirePlan, wireProbeMs, wireSilenceMs } from "./wire.ts";

/** What a simulated run came to. */
export interface Outcome {
  readonly seed: number;
  readonly mode: string;
  readonly violations: readonly string[];
  readonly description: string;
  readonly figures: Figures;
  readonly faults: ReadonlyMap<string, number>;
  /** A digest of everything that happened, for comparing two runs of one seed. */
  readonly trace: string;
}

/** What is drawn from the seed unless it is given. */
export interface ScenarioOptions {
  readonly mode?: CheckpointMode;
  /** Every task has one input channel. */
  readonly chain?: boolean;
  readonly faults?: boolean;
  /** Loops are likely. */
  readonly loops?: boolean;
  /** What joins subtasks. */
  readonly links?: Links;
  /** Whether the parallelism may change. */
  readonly rescales?: boolean;
  readonly log?: (line: string) => void;
}

/** By reference; encoded through a broker in the process; two workers joined by a network with faults. */
type Links = "local" | "broker" | "network";

const modes: readonly CheckpointMode[] = [
  "aligned",
  "unaligned",
  "unaligned",
  { alignedTimeoutMs: 2 },
  { alignedTimeoutMs: 2 },
  "at-least-once",
];

/** Runs one seed to its end: a job, faults, and the comparison with a plain loop. */
export async function runScenario(seed: number, options: ScenarioOptions = {}): Promise<Outcome> {
  const random = new SeededRandom(`scenario ${seed}`);
  const settings = random.fork("settings");
  const mode = options.mode ?? settings.pick(modes);
  const chain = options.chain ?? (mode === "at-least-once" && settings.chance(0.4));
  const faults = new Faults();
  const world = new ScenarioWorld(random, faults);
  const edgeModes = mode !== "at-least-once" && settings.chance(0.25);
  const loopChance = options.loops === true ? 0.6 : settings.chance(0.4) ? 0.3 : 0;
  const rescales = !chain && (options.rescales ?? random.fork("rescales").chance(0.5));
  const maxRecords = 4 + settings.int(44);
  const savepoints = options.faults !== false && random.fork("savepoints").chance(0.35);
  const drawn = lifeOptions(settings, mode, options.links);
  const slowestMs = drawn.wire === undefined ? 6 : 1.5;
  const scratch = random.fork("scratch");
  const feedbackBytes = loopChance > 0 && scratch.chance(0.6) ? 1 + scratch.int(1_000) : undefined;
  const stores = feedbackBytes === undefined ? undefined : new SimStores();
  const limits = { maxRecords, slowestMs, chain, edgeModes, loopChance, rescales, returns: savepoints, feedbackBytes };
  const life: LifeOptions = { ...drawn, rescales, stores };
  const job = randomJob(random.fork("job"), faults, limits, (delayMs, wake) => {
    world.process.clock.setTimer(delayMs, wake);
  });
  const schedule = options.faults === false
    ? []
    : drawSchedule(random.fork("faults"), { mayKill: life.onDisk, rescales, savepoints });
  const violations: string[] = [];
  const events: JobEvent[] = [];
  await world.play(job, life, schedule, events, violations, options.log).catch((error: unknown) => {
    violations.push(`the world came to an end: ${error instanceof Error ? error.stack : error}`);
  });
  judge(job, mode, events, world.begun, violations);
  world.judgeWire(events, violations);
  const single = mode === "at-least-once" && job.singleInput ? 1 : 0;
  const figures = {
    ...figuresOf(events),
    kills: world.kills,
    single,
    replicas: job.rightReplicas(),
    spills: stores?.spilled ?? 0,
    spillsCaptured: stores?.captured ?? 0,
  };
  const name = typeof mode === "object" ? `timeout ${mode.alignedTimeoutMs} ms` : mode;
  const shape =
    `${name}, ${JSON.stringify(life.channels)}, ${life.links} channels${
      life.wire === undefined ? "" : ` ${JSON.stringify(life.wire)}`
    }, ` +
    `${life.onDisk ? "file" : "memory"} storage; ${job.describe()}; faults ${
      schedule.map((f) => `${f.kind}@${f.atMs.toFixed(1)}`)
    }`;
  return { seed, mode: name, violations, description: shape, figures, faults: faults.fired, trace: digest(events, job) };
}

interface LifeOptions {
  /** With how many entries values begin to be kept in rows. */
  readonly rowsFrom: number;
  readonly mode: CheckpointMode;
  readonly intervalMs: number;
  readonly maxConcurrent: number;
  readonly links: Links;
  readonly wire: WirePlan | undefined;
  readonly timeoutMs: number;
  /** A process fault after every other checkpoint that captured something, among so many. */
  readonly strikeAfterCaptures: number;
  readonly onDisk: boolean;
  /** The chance that somebody asks for another checkpoint right after one has completed. */
  readonly impatience: number;
  readonly rescales: boolean;
  /** Scratch space for state, and for feedback that is spilled. Undefined: state is on the heap. */
  readonly stores: SimStores | undefined;
  readonly channels: {
    readonly frameRecords: number;
    readonly frameBytes: number;
    readonly windowBytes: number;
    readonly handOverSteps: number;
  };
}

/** Longer than anything takes that is not stuck. */
const longMs = 10_000;

function lifeOptions(random: Random, mode: CheckpointMode, given: Links | undefined): Omit<LifeOptions, "rescales" | "stores"> {
  const links = given ?? random.fork("links").pick<Links>(["local", "local", "local", "broker", "network"]);
  const harsh = random.fork("harsh");
  const mayStarve = links !== "network" && harsh.chance(0.5);
  return {
    mode,
    intervalMs: 1 + random.int(8),
    maxConcurrent: mode !== "aligned" && random.chance(0.4) ? 2 : 1,
    links,
    wire: links === "network" ? drawWire(random.fork("wire")) : undefined,
    strikeAfterCaptures: harsh.chance(0.5) ? harsh.int(7) : 0,
    timeoutMs: harsh.chance(0.3) && links !== "network" ? 2 + harsh.int(5) : longMs,
    onDisk: random.chance(0.4),
    rowsFrom: random.fork("rows").pick([1, 2, 4, 1_000]),
    impatience: random.chance(0.6) ? random.next() : 0,
    channels: {
      frameRecords: 1 + random.int(5),
      frameBytes: 100_000,
      windowBytes: 1 + random.int(mayStarve ? 1 : 600),
      handOverSteps: random.fork("hand over").pick([1, 1, 3, 100]),
    },
  };
}

/** Steps without which a run must have come to its end. */
const maxSteps = 200_000;

/** Steps in which some record must be read or written while the job is not over. */
const patience = 8_000;

class ScenarioWorld {
  readonly clock = new VirtualClock({ yieldMs: 0.05 });
  readonly #random: Random;
  readonly #faults: Faults;
  #disk: SimulatedDisk;
  process: SimulatedProcess;
  #wire: SimulatedWire | undefined;
  kills = 0;
  /** Where in the events another store of checkpoints began: above which id. */
  readonly begun = new Map<number, number>();

  constructor(random: Random, faults: Faults) {
    this.#random = random;
    this.#faults = faults;
    this.#disk = new SimulatedDisk({ clock: this.clock, random: random.fork("disk") });
    this.process = new SimulatedProcess(this.clock, this.#disk);
  }

  async play(
    job: RandomJob,
    life: LifeOptions,
    schedule: readonly Fault[],
    events: JobEvent[],
    violations: string[],
    log: ((line: string) => void) | undefined,
  ): Promise<void> {
    let storage: CheckpointStorage | undefined = life.onDisk ? undefined : memoryStorage();
    let killed = false;
    if (life.wire !== undefined) {
      this.#wire = new SimulatedWire(this.clock, this.#random.fork("wire"), life.wire);
      this.#wire.schedule(this.#faults);
    }
    let run: Run | undefined;
    let graph = job.graph;
    const another = this.#random.fork("parallelism");
    const savepoints = this.#random.fork("savepoints");
    const user = new SavepointUser(savepoints.fork("user"), life.mode, this.#faults, violations);
    let directory = "state";
    for (const fault of schedule) {
      this.clock.setTimer(fault.atMs, () => {
        if (fault.kind === "kill") killed = true;
        else if (fault.kind === "savepoint") void (run && user.take(run));
        else if (fault.kind === "return") void (run && user.leave(run, life.onDisk));
        else if (fault.kind !== "rescale") this.#faults.arm(fault.kind);
        else void this.#rescale(run, job.redraw(another), violations, log);
      });
    }
    let steps = 0;
    let moved = -1;
    let toStrike = life.strikeAfterCaptures;
    const watch = (event: JobEvent) => {
      events.push(event);
      if (life.wire === undefined && event.kind === "checkpoint-aborted" && event.reason.endsWith(`within ${longMs} ms`)) {
        violations.push(`checkpoint ${event.checkpoint} is stuck: ${event.reason}`);
      }
      // At once: a run that completes nothing for this reason would go on to its last step.
      if (event.kind === "checkpoint-aborted" && codeOf(event.cause) === "CAPTURE_REFUTED") {
        violations.push((event.cause as SluiceError).message);
      }
      // A crash soon after a checkpoint with records in flight: they are put back, and perhaps captured once more.
      if (event.kind === "checkpoint-completed" && event.figures.inFlightRecords > 0 && toStrike > 0 && --toStrike % 2 === 0) {
        this.#faults.arm("process");
      }
    };
    for (let number = 0;; number++) {
      this.process = new SimulatedProcess(this.clock, this.#disk);
      const process = this.process;
      const random = this.#random.fork(`life ${number}`);
      const impatience = random.fork("impatience");
      const system = this.#system(random);
      const returning = user.leaving !== undefined;
      const from = user.begin();
      if (job.sink instanceof RevocableSink) job.sink.returnsTo = from?.id;
      if (returning && from !== undefined && savepoints.chance(0.4)) { // all checkpoints are gone
        directory = `state-${number}`;
        storage = life.onDisk ? undefined : memoryStorage();
        this.begun.set(events.length, from.id);
      }
      if (life.onDisk) {
        storage = fileStorage(directory, {
          disk: process.disk,
          clock: process.clock,
          random: random.fork("storage"),
          processes: processTable(number),
        });
      }
      run = undefined;
      if (number > 0 && life.rescales) graph = withParallelism(graph, job.redraw(another));
      let over: { readonly error: unknown } | "finished" | "stopped" | undefined;
      const options: StartOptions = {
        system,
        clock: process.clock,
        disk: process.disk,
        random: random.fork("run"),
        log: silent,
        ...(from === undefined ? {} : { from: from.path }),
        ...(life.links === "broker" ? { transport: new MemoryBroker({ clock: process.clock }).connect() } : {}),
        checkpoints: {
          storage: storage as CheckpointStorage,
          mode: life.mode,
          intervalMs: life.intervalMs,
          maxConcurrent: life.maxConcurrent,
          tolerableFailures: 1_000,
          timeoutMs: life.timeoutMs,
        },
        state: { rowsFrom: life.rowsFrom },
        restart: { kind: "fixed-delay", maxRestarts: 1_000, delayMs: 1 },
        poison: { policy: "fail", afterFailures: 1_000 }, // injected faults may strike one record again and again
        channels: { ...life.channels, probeMs: wireProbeMs, silenceMs: wireSilenceMs },
      };
      const links = this.#wire?.connect(process.clock, job.graph.name);
      const made = { graph, name: job.graph.name, parallelism: undefined } as unknown as Job;
      void startLinked(made, options, { links, stores: life.stores?.ofNextProcess() }).then(
        (started) => {
          run = started;
          void collect(started, log, this.clock, (event) => {
            watch(event);
            if (this.process === process) user.see(event);
            if (event.kind !== "checkpoint-completed" || !impatience.chance(life.impatience)) return;
            const ask = () => void (over === undefined && this.process === process && started.checkpoint().catch(() => {}));
            if (impatience.chance(0.5)) ask();
            else this.clock.setTimer(impatience.next() * impatience.pick([0.2, 0.8]), ask);
          });
          started.finished.then(
            ({ stopped }) => (over = stopped ? "stopped" : "finished"),
            (error: unknown) => (over = { error }),
          );
        },
        (error: unknown) => (over = { error }),
      );
      while (over === undefined && !killed && user.leaving !== "dying" && violations.length === 0) {
        await settled();
        if (over !== undefined) break;
        if (!this.clock.runNext()) {
          await settled();
          if (over === undefined && this.clock.waiting === 0) {
            violations.push("nothing can run, and the job is not over");
            return;
          }
        }
        if (++steps % patience === 0) {
          if (job.moved() === moved && life.wire === undefined) {
            violations.push(`no record moved in ${patience} steps, up to ${this.clock.monotonic()} ms`);
          }
          moved = job.moved();
        }
        if (steps > maxSteps) {
          violations.push(`not over after ${maxSteps} steps, at ${this.clock.monotonic()} ms`);
          return;
        }
      }
      if (over === undefined && violations.length === 0) {
        killed = false;
        this.kills++;
        this.#faults.note("kill");
        process.kill();
        if (life.onDisk) this.#endDisk(number);
        log?.(`-- killed at ${this.clock.monotonic().toFixed(2)}`);
        continue;
      }
      const left = over === "stopped" ? user.leaving === "stopping" : over !== "finished" && user.hasCancelled(over?.error);
      if (!left && over !== undefined && over !== "finished") {
        violations.push(
          `the job was given up: ${
            over === "stopped" ? "it stopped" : over.error instanceof Error ? over.error.stack : over.error
          }`,
        );
      }
      await this.#leave(run, system, process, violations);
      if (violations.length === 0 && life.stores?.left) violations.push(`${life.stores.left} stores are left on scratch space`);
      if (left && violations.length === 0) continue;
      return;
    }
  }

  /** A run that ends or is killed meanwhile does not answer, or says so. */
  async #rescale(
    run: Run | undefined,
    parallelism: Record<string, number>,
    violations: string[],
    log: ((line: string) => void) | undefined,
  ): Promise<void> {
    if (run === undefined) return;
    log?.(`${this.clock.monotonic().toFixed(2)} rescale to ${JSON.stringify(parallelism)}`);
    try {
      await run.rescale(parallelism);
      this.#faults.note("rescale");
    } catch (error) {
      if (error instanceof SluiceError && ["RUN_ENDED", "RESCALING", "RUN_CANCELLED"].includes(error.code)) return;
      violations.push(`cannot be rescaled: ${error instanceof Error ? error.stack : error}`);
    }
  }

  /** No channel may have been given up but for an outage that lasted, and none for frames that never came. */
  judgeWire(events: readonly JobEvent[], violations: string[]): void {
    this.#wire?.note(this.#faults);
    for (const event of events) {
      if (event.kind !== "failed" || !(event.cause instanceof SluiceError)) continue;
      const { code, message } = event.cause;
      if (code === "CHANNEL_SILENT" && this.#wire?.mayFail === true) this.#faults.note("given up");
      else if (code === "CHANNEL_SILENT" || code === "FRAMES_LOST") violations.push(`a channel was given up: ${message}`);
    }
  }

  /** Half the kills take the process only, the others the machine: then what was not synced may be lost or torn. */
  #endDisk(number: number): void {
    if (this.#random.fork(`kill ${number}`).chance(0.5)) {
      this.#disk.detach();
      this.#disk = this.#disk.handle();
    } else {
      this.#disk = this.#disk.crash();
    }
  }

  /** After the end nothing of the runtime may be left. */
  async #leave(run: Run | undefined, system: ActorSystem, process: SimulatedProcess, violations: string[]): Promise<void> {
    let gone = false;
    void Promise.resolve(run?.cancel()).then(() => system.shutdown()).then(() => (gone = true));
    for (let i = 0; i < 2_000 && !gone; i++) {
      await settled();
      this.clock.runNext();
    }
    await settled();
    if (!gone) violations.push("the system does not shut down");
    else if (process.waiting > 0) violations.push(`${process.waiting} timers are left after the end`);
  }

  #system(random: Random): ActorSystem {
    const order = random.fork("order");
    const budget = random.fork("budget");
    const most = 1 + budget.int(8);
    return createSystem({
      clock: this.process.clock,
      random: random.fork("system"),
      scheduler: { pick: (runnable) => order.int(runnable), steps: () => 1 + budget.int(most) },
    });
  }
}

async function collect(
  run: Run,
  log: ((line: string) => void) | undefined,
  clock: VirtualClock,
  react: (event: JobEvent) => void,
): Promise<void> {
  for await (const event of run.events) {
    react(event);
    const cause = "cause" in event && event.cause instanceof Error ? `: ${event.cause.message}` : "";
    const id = "checkpoint" in event ? ` ${event.checkpoint}` : "";
    const reason = "reason" in event ? ` (${event.reason})` : "";
    log?.(`${clock.monotonic().toFixed(2)} ${event.kind}${id}${reason}${cause}`);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SluiceError ? error.code : undefined;
}

function digest(events: readonly JobEvent[], job: RandomJob): string {
  const said = events.map((event) => `${event.kind}@${event.at}${"checkpoint" in event ? `#${event.checkpoint}` : ""}`).join(" ");
  return `${said} | ${[...job.sink.committed].map(([transaction, ids]) => `${transaction}:${ids.join(",")}`).join(" ")}`;
}
