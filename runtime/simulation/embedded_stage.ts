import { SluiceError } from "../../actors/error.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { SimulatedMachine, type SimulatedProcess as MachineProcess } from "../../actors/simulation/processes.ts";
import type { Transport } from "../../actors/transport.ts";
import { fileStorage } from "../checkpoint/file_storage.ts";
import type { Run } from "../master/run.ts";
import { start } from "../master/start.ts";
import { FaultPlayer, type FaultTarget } from "./fault_player.ts";
import type { Play, Played } from "./played.ts";
import { ownFolder, Scene } from "./scene.ts";

/** The one process of an embedded job. */
export const theProcess = "process";
/** Where the job keeps its checkpoints. */
const stateFolder = `${ownFolder}/state`;
/** How soon a process that has ended by itself is started again. */
const againMs = 1;

/** A start of the process, to its end. */
interface Life {
  readonly number: number;
  readonly member: SimulatedProcess;
  readonly disk: SimulatedDisk;
  readonly system: ActorSystem;
  /** It among the processes of its machine. */
  readonly entry: MachineProcess;
  readonly connection: Transport | undefined;
  run: Run | undefined;
}

/** Plays a job in one process, as `start` runs it, with whoever starts the process again when it has ended. */
export async function playEmbedded(play: Play): Promise<Played> {
  const stage = new EmbeddedStage(play);
  return await stage.play();
}

class EmbeddedStage implements FaultTarget {
  readonly processes = [theProcess];
  readonly scene: Scene;
  readonly #machine = new SimulatedMachine();
  readonly #faults: FaultPlayer;
  #life: Life | undefined;
  #lives = 0;
  #aheadMs = 0;
  #over = false;

  constructor(play: Play) {
    this.scene = new Scene(play, () => latestComplete(this.scene.disk));
    this.#faults = new FaultPlayer(this, play.schedule);
  }

  async play(): Promise<Played> {
    await this.scene.lay();
    this.#boot();
    await this.scene.run(() => this.#over, () => this.#leave());
    return this.scene.played(this.#faults.fired);
  }

  // What faults are done to

  process(): SimulatedProcess | undefined {
    return this.#life?.member;
  }

  connections(): readonly string[] {
    return this.#life?.connection === undefined ? [] : [`${theProcess}-${this.#life.number}`];
  }

  crash(_name: string, downMs: number): void {
    if (this.#life === undefined) return;
    this.#end(this.#life);
    this.scene.world.clock.setTimer(downMs, () => this.#boot());
  }

  powerFails(downMs: number): void {
    const life = this.#life;
    if (life !== undefined) this.#end(life);
    this.scene.losePower();
    if (life !== undefined) this.scene.world.clock.setTimer(downMs, () => this.#boot());
  }

  rescale(parallelism: number, done: () => void): void {
    void this.#life?.run?.rescale(parallelism).then(done, (error: unknown) => {
      if (error instanceof SluiceError && ["RUN_ENDED", "RESCALING", "RUN_CANCELLED"].includes(error.code)) return;
      this.scene.failed(error);
    });
  }

  // Lives

  #boot(): void {
    if (this.#over) return;
    const { world } = this.scene;
    const number = ++this.#lives;
    const disk = this.scene.openDisk(`${number}`);
    const member = new SimulatedProcess(world.clock, disk);
    member.jump(this.#aheadMs);
    const system = world.system(`${theProcess}-${number}`, { clock: member.clock });
    const entry = this.#machine.start(number);
    const { networked } = this.scene.play.conditions;
    const connection = networked ? world.network.connect(`${theProcess}-${number}`) : undefined;
    const life: Life = { number, member, disk, system, entry, connection, run: undefined };
    this.#life = life;
    this.#faults.damage();
    world.trace.note(`started ${number}`);
    this.#started(life).then((run) => this.#watch(life, run), (error: unknown) => this.#ended(life, error));
  }

  async #started(life: Life): Promise<Run> {
    const { world } = this.scene;
    const { member, system, number, entry, connection } = life;
    const { job, watched } = this.scene.load();
    const random = world.random.fork(`life ${number}`);
    const storage = fileStorage(stateFolder, {
      disk: member.disk,
      clock: member.clock,
      random: random.fork("storage"),
      processes: entry,
    });
    const options = this.scene.startOptions(job);
    return await start(watched, {
      ...options,
      checkpoints: { ...options.checkpoints, storage },
      system,
      clock: member.clock,
      disk: member.disk,
      random: random.fork("run"),
      log: (entry) => world.trace.note(`${entry.level} ${entry.from}: ${entry.message}`),
      ...(connection === undefined ? {} : { transport: member.transport(connection) }),
    });
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
      this.scene.happened(event);
    }
  }

  /** The process has ended by itself: the job was given up, or could not be started. */
  #ended(life: Life, error: unknown): void {
    if (this.#life !== life || this.#over) return;
    this.scene.failed(error);
    this.crash(theProcess, againMs);
  }

  #end(life: Life): void {
    this.#aheadMs = life.member.clock.now() - this.scene.world.clock.now();
    life.member.kill();
    life.disk.detach();
    life.entry.kill();
    void life.connection?.close();
    this.#life = undefined;
  }

  /** After the end nothing of the job may be left in its process. */
  async #leave(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    let isGone = false;
    const left = Promise.resolve(life.run?.cancel()).then(() => life.system.shutdown()).finally(() => isGone = true);
    left.catch(() => {}); // it is told below, unless nobody waits for it any more
    // A fault may end the process before it has gone by itself.
    await this.scene.world.run(() => isGone || this.#life !== life, { maxEvents: 100_000 });
    if (this.#life !== life) return;
    await left;
    const { waiting } = life.member;
    if (waiting === 0) return;
    this.scene.violations.push({ kind: "invariant", text: `${waiting} timers are left in the process after the job's end` });
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
