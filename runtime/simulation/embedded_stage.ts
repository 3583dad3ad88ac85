import { SluiceError } from "../../actors/error.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Transport } from "../../actors/transport.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { SimulatedMachine, type SimulatedProcess as MachineProcess } from "../../actors/simulation/processes.ts";
import { World } from "../../actors/simulation/world.ts";
import { fileStorage } from "../checkpoint/file_storage.ts";
import type { Job } from "../job/job.ts";
import type { JobEvent } from "../master/event.ts";
import type { StartOptions } from "../master/options.ts";
import type { Run } from "../master/run.ts";
import { start } from "../master/start.ts";
import { Exceptions } from "./exceptions.ts";
import { endOf } from "./fault.ts";
import { FaultPlayer, type FaultTarget } from "./fault_player.ts";
import { Ledger } from "./ledger.ts";
import type { Play, Played } from "./played.ts";
import { RunWorld } from "./subject.ts";
import type { Violation } from "./violation.ts";
import { watchedJob } from "./watched_job.ts";

/** The one process of an embedded job. */
const name = "process";
/** Where the job keeps its checkpoints. */
const stateFolder = "/.sluice/state";
/** How soon a process that has ended by itself is started again. */
const againMs = 1;
const maxEvents = 2_000_000;
/** What the network and the disk take without faults. */
const calm = { minDelayMs: 0.05, meanDelayMs: 0.1 } as const;
const latency = { minLatencyMs: 0.01, maxLatencyMs: 0.1 } as const;

/** A start of the process, to its end. */
interface Life {
  readonly number: number;
  readonly member: SimulatedProcess;
  readonly system: ActorSystem;
  /** It among the processes of its machine. */
  readonly entry: MachineProcess;
  readonly connection: Transport | undefined;
  run: Run | undefined;
}

/** Plays a job in one process, as `start` runs it, with whoever starts the process again when it has ended. */
export async function playEmbedded(play: Play): Promise<Played> {
  const stage = new EmbeddedStage(play);
  await stage.play();
  return stage.played();
}

class EmbeddedStage implements FaultTarget {
  readonly processes = [name];
  readonly calm = calm;
  readonly exceptions = new Exceptions();
  disk: SimulatedDisk;
  readonly #play: Play;
  readonly #world: World;
  readonly #runWorld: RunWorld;
  readonly #ledger: Ledger;
  readonly #counts = { read: 0 };
  readonly #machine = new SimulatedMachine();
  readonly #events: JobEvent[] = [];
  readonly #violations: Violation[] = [];
  readonly #faults: FaultPlayer;
  #graph: Job["graph"] | undefined;
  #life: Life | undefined;
  #lives = 0;
  #aheadMs = 0;
  #over = false;
  #lastFailure: unknown;
  #endedMs = 0;

  constructor(play: Play) {
    this.#play = play;
    this.#world = new World(play.seed, { network: calm });
    const { clock, random, trace } = this.#world;
    this.#runWorld = new RunWorld(play.seed);
    this.#ledger = new Ledger(trace, () => latestComplete(this.disk));
    this.disk = new SimulatedDisk({ clock, random: random.fork("disk"), ...latency });
    this.#faults = new FaultPlayer(this, play.schedule);
  }

  get clock() {
    return this.#world.clock;
  }

  get trace() {
    return this.#world.trace;
  }

  get network() {
    return this.#world.network;
  }

  async play(): Promise<void> {
    const { schedule, livenessMs } = this.#play;
    const safeMs = Math.max(0, ...schedule.map(endOf));
    try {
      await this.#lay();
      this.#boot();
      await this.#world.run(() => this.#over, { maxEvents, maxMs: safeMs + livenessMs });
      this.#endedMs = this.clock.monotonic();
      await this.#leave();
    } catch (error) {
      if (!(error instanceof SluiceError) || !error.code.startsWith("SIMULATION_")) throw error;
      this.#violations.push({ kind: "liveness", text: this.#stuck(error, safeMs) });
    }
  }

  played(): Played {
    const operators = this.#graph?.operators ?? [];
    const uids = (kind: string) => operators.filter(({ role }) => role.kind === kind).map(({ id }) => id);
    const visible = this.#ledger.visible();
    const problems = this.#ledger.problems.map((text): Violation => ({ kind: "invariant", text }));
    return {
      visible,
      outside: this.#runWorld.outside.all(),
      compared: this.#runWorld.outside.compared(),
      files: new Map([...this.disk.files()].filter(([path]) => !path.startsWith("/.sluice/"))),
      events: this.#events,
      violations: [...this.#violations, ...problems],
      fired: this.#faults.fired,
      durationMs: this.#endedMs,
      read: this.#counts.read,
      usedRandom: this.#runWorld.usedRandom,
      sources: uids("source"),
      sinks: uids("sink"),
      transactional: visible.filter(({ delivery }) => delivery === "transactional").map(({ uid }) => uid),
      hash: this.trace.hash,
      trace: this.trace.latest(),
    };
  }

  // What faults are done to

  process(): SimulatedProcess | undefined {
    return this.#life?.member;
  }

  connections(): readonly string[] {
    return this.#life?.connection === undefined ? [] : [`${name}-${this.#life.number}`];
  }

  crash(_name: string, downMs: number): void {
    if (this.#life === undefined) return;
    this.#end(this.#life);
    this.disk.detach();
    this.#replace(this.disk.handle());
    this.clock.setTimer(downMs, () => this.#boot());
  }

  powerFails(downMs: number): void {
    const life = this.#life;
    if (life !== undefined) this.#end(life);
    this.#replace(this.disk.crash());
    if (life !== undefined) this.clock.setTimer(downMs, () => this.#boot());
  }

  rescale(parallelism: number, done: () => void): void {
    const life = this.#life;
    void life?.run?.rescale(parallelism).then(done, (error: unknown) => {
      if (error instanceof SluiceError && ["RUN_ENDED", "RESCALING", "RUN_CANCELLED"].includes(error.code)) return;
      this.trace.note(`rescale refused: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  // Lives

  /** Puts the job's files on the disk, before any time passes. */
  async #lay(): Promise<void> {
    const disk = this.disk.handle({});
    for (const [path, content] of Object.entries(this.#play.subject.files)) {
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

  #boot(): void {
    if (this.#over) return;
    const number = ++this.#lives;
    const member = new SimulatedProcess(this.clock, this.disk);
    member.jump(this.#aheadMs);
    const system = this.#world.system(`${name}-${number}`, { clock: member.clock });
    const entry = this.#machine.start(number);
    const connection = this.#play.conditions.networked ? this.network.connect(`${name}-${number}`) : undefined;
    const life: Life = { number, member, system, entry, connection, run: undefined };
    this.#life = life;
    this.trace.note(`started ${number}`);
    this.#started(life).then((run) => this.#watch(life, run), (error: unknown) => this.#ended(life, error));
  }

  async #started(life: Life): Promise<Run> {
    const { subject, conditions } = this.#play;
    const { member, system, number, entry, connection } = life;
    const { ledger, exceptions, counts } = { ledger: this.#ledger, exceptions: this.exceptions, counts: this.#counts };
    const job = this.#runWorld.load(subject.job);
    this.#graph = job.graph;
    const random = this.#world.random.fork(`life ${number}`);
    const storage = fileStorage(stateFolder, {
      disk: member.disk,
      random: random.fork("storage"),
      processes: entry,
    });
    const { mode, intervalMs, maxConcurrent, parallelism } = conditions;
    const options: StartOptions = {
      parallelism: job.parallelism ?? parallelism,
      restart: { kind: "fixed-delay", maxRestarts: 1_000_000, delayMs: againMs },
      poison: { policy: "fail", afterFailures: 1_000 },
      ...subject.start,
      checkpoints: { mode, intervalMs, maxConcurrent, tolerableFailures: 10, ...subject.start.checkpoints, storage },
      channels: { ...conditions.channels, ...subject.start.channels },
      system,
      clock: member.clock,
      disk: member.disk,
      random: random.fork("run"),
      log: (entry) => this.trace.note(`${entry.level} ${entry.from}: ${entry.message}`),
      ...(connection === undefined ? {} : { transport: member.transport(connection) }),
    };
    return await start(watchedJob(job, { ledger, exceptions, counts, pace: conditions.pace }), options);
  }

  #watch(life: Life, run: Run): void {
    if (this.#life !== life) return;
    life.run = run;
    void this.#collect(life, run);
    run.finished.then(() => {
      if (this.#life === life) this.#over = true;
    }, (error: unknown) => this.#ended(life, error));
  }

  async #collect(life: Life, run: Run): Promise<void> {
    for await (const event of run.events) {
      if (!life.member.alive) return;
      this.#events.push(event);
      const id = "checkpoint" in event ? ` ${event.checkpoint}` : "";
      const why = "cause" in event && event.cause instanceof Error ? `: ${event.cause.message}` : "";
      this.trace.note(`${event.kind}${id}${"reason" in event ? ` (${event.reason})` : ""}${why}`);
    }
  }

  /** The process has ended by itself: the job was given up, or could not be started. */
  #ended(life: Life, error: unknown): void {
    if (this.#life !== life || this.#over) return;
    this.#lastFailure = error;
    this.trace.note(`ended by itself: ${error instanceof Error ? error.message : String(error)}`);
    this.crash(name, againMs);
  }

  #end(life: Life): void {
    this.#aheadMs = life.member.clock.now() - this.clock.now();
    life.member.kill();
    life.entry.kill();
    void life.connection?.close();
    this.#life = undefined;
  }

  #replace(disk: SimulatedDisk): void {
    this.disk = disk;
    this.#faults.damage(disk);
  }

  /** After the end nothing of the job may be left in its process. */
  async #leave(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    await this.#world.run(Promise.resolve(life.run?.cancel()).then(() => life.system.shutdown()), { maxEvents: 100_000 });
    const { waiting } = life.member;
    if (waiting > 0) {
      this.#violations.push({ kind: "invariant", text: `${waiting} timers are left in the process after the job's end` });
    }
  }

  #stuck(error: SluiceError, safeMs: number): string {
    const last = this.#lastFailure;
    const failure = last === undefined ? "" : `; its last failure: ${last instanceof Error ? last.message : String(last)}`;
    const moved = `its sources have read ${this.#counts.read} records and its sinks were given ${this.#ledger.written}`;
    const why = error.code === "SIMULATION_STUCK"
      ? "nothing is left to happen: it waits for something outside the simulation, such as a real timer, file or socket"
      : `after ${this.clock.monotonic().toFixed(0)} ms`;
    return `faults are off since ${safeMs.toFixed(0)} ms, and the job is not over ${why}; ${moved}${failure}`;
  }
}

/** The highest checkpoint whose manifest is there. */
function latestComplete(disk: SimulatedDisk): number {
  let latest = 0;
  for (const path of disk.files().keys()) {
    const id = /^\/\.sluice\/.*\/chk-(\d+)-\d+\/manifest\.json$/.exec(path)?.[1];
    if (id !== undefined) latest = Math.max(latest, Number(id));
  }
  return latest;
}
