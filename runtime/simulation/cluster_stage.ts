import { SluiceError } from "../../actors/error.ts";
import type { KeyValueChange } from "../../actors/key_value.ts";
import { MemoryKeyValueStore } from "../../actors/memory_key_value.ts";
import type { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import type { Transport } from "../../actors/transport.ts";
import { ask } from "../cluster/client.ts";
import { ClusterCoordinator } from "../cluster/coordinator.ts";
import { decodeJobEntry, isOver, type JobEntry } from "../cluster/job_entry.ts";
import type { Request } from "../cluster/message.ts";
import { jobKey, jobsPrefix } from "../cluster/names.ts";
import { ClusterWorker } from "../cluster/worker.ts";
import type { Job } from "../job/job.ts";
import { FaultPlayer, type FaultTarget } from "./fault_player.ts";
import type { Play, Played } from "./played.ts";
import { ownFolder, Scene } from "./scene.ts";

const cluster = "simulated";
const moduleName = "job";
const stateFolder = `${ownFolder}/state`;
const workers = ["w1", "w2", "w3"] as const;
const coordinators = ["c1", "c2"] as const;
/** The processes of a simulated cluster. */
export const clusterProcesses: readonly string[] = [...workers, ...coordinators];
const slots = 4;
/** Members that miss each other soon: else a run would be mostly waiting. */
const times = { heartbeatMs: 10, workerTimeoutMs: 60, leaseMs: 60, orphanMs: 600 } as const;
/** How a client asks that expects nobody to be busy for long. */
const impatience = { patienceMs: 20_000, tryMs: 30 } as const;
/** How soon a job that was given up is submitted again. */
const againMs = 20;

/** A start of one process, to its end. */
interface Life {
  readonly name: string;
  readonly member: SimulatedProcess;
  readonly disk: SimulatedDisk;
  readonly connections: readonly { readonly name: string; readonly transport: Transport }[];
}

/**
 * Plays a job on a cluster: workers and coordinators that are processes of their own, over one network, with a key-value store
 * and a folder that all of them see; with whoever starts processes again, and submits the job again when it was given up.
 */
export async function playCluster(play: Play): Promise<Played> {
  const stage = new ClusterStage(play);
  return await stage.play();
}

class ClusterStage implements FaultTarget {
  readonly processes = clusterProcesses;
  readonly scene: Scene;
  readonly #store: MemoryKeyValueStore;
  readonly #faults: FaultPlayer;
  readonly #lives = new Map<string, Life>();
  readonly #aheadMs = new Map<string, number>();
  readonly #job: Job;
  #starts = 0;
  #questions = 0;
  #over = false;

  constructor(play: Play) {
    this.scene = new Scene(play, () => this.#entry()?.retained.at(-1)?.id ?? 0);
    this.#store = new MemoryKeyValueStore(this.scene.world.clock);
    this.#faults = new FaultPlayer(this, play.schedule);
    this.#job = this.scene.load().job;
  }

  async play(): Promise<Played> {
    await this.scene.lay();
    this.#store.watch({ prefix: jobsPrefix, handler: (change) => this.#changed(change) });
    for (const name of clusterProcesses) this.#boot(name);
    void this.#submit();
    await this.scene.run(() => this.#over, () => Promise.resolve());
    return this.scene.played(this.#faults.fired);
  }

  // What faults are done to

  process(name: string): SimulatedProcess | undefined {
    return this.#lives.get(name)?.member;
  }

  connections(name: string): readonly string[] {
    return this.#lives.get(name)?.connections.map((connection) => connection.name) ?? [];
  }

  crash(name: string, downMs: number): void {
    const life = this.#lives.get(name);
    if (life === undefined) return;
    this.#end(life);
    this.scene.world.clock.setTimer(downMs, () => this.#boot(name));
  }

  powerFails(downMs: number): void {
    const lives = [...this.#lives.values()];
    for (const life of lives) this.#end(life);
    this.scene.losePower();
    for (const { name } of lives) this.scene.world.clock.setTimer(downMs, () => this.#boot(name));
  }

  rescale(parallelism: number, done: () => void): void {
    if (this.#entry() === undefined) return;
    void this.#ask({ kind: "rescale", job: this.#job.name, parallelism }).then((answer) => {
      if (answer === "accepted") done();
    });
  }

  // Members

  #boot(name: string): void {
    if (this.#over) return;
    const { world } = this.scene;
    const { clock, network } = world;
    const start = `${name}-${++this.#starts}`;
    const disk = this.scene.openDisk(start);
    const member = new SimulatedProcess(clock, disk);
    member.jump(this.#aheadMs.get(name) ?? 0);
    const connect = (of: string) => ({ name: `${start}-${of}`, transport: network.connect(`${start}-${of}`) });
    const control = connect("control");
    const system = world.system(start, { clock: member.clock });
    const random = world.random.fork(`life ${start}`);
    let loaded: Job | undefined;
    const common = {
      cluster,
      name: start,
      shared: { disk: member.disk, folder: stateFolder },
      // A process loads a module once.
      modules: async () => await Promise.resolve(loaded ??= this.scene.load().watched),
      world: {
        clock: member.clock,
        random,
        disk: member.disk,
        log: (entry: { readonly level: string; readonly from: string; readonly message: string }) =>
          world.trace.note(`${start} ${entry.level} ${entry.from}: ${entry.message}`),
      },
      system,
      control: member.transport(control.transport),
      times,
    };
    if ((workers as readonly string[]).includes(name)) {
      const data = connect("data");
      this.#lives.set(name, { name, member, disk, connections: [control, data] });
      new ClusterWorker({ ...common, slots, data: member.transport(data.transport) });
    } else {
      this.#lives.set(name, { name, member, disk, connections: [control] });
      new ClusterCoordinator({
        ...common,
        keyValue: member.keyValue(this.#store.connect()),
        onEvent: (_job, event) => {
          if (member.alive) this.scene.happened(event);
        },
      });
    }
    this.#faults.damage();
    world.trace.note(`started ${start}`);
  }

  #end(life: Life): void {
    const { name, member, disk, connections } = life;
    this.#aheadMs.set(name, member.clock.now() - this.scene.world.clock.now());
    member.kill();
    disk.detach();
    for (const { transport } of connections) void transport.close();
    this.#lives.delete(name);
  }

  // The job

  /** Its record, as it is now. */
  #entry(): JobEntry | undefined {
    const stored = this.#store.get(jobKey(this.#job.name));
    const entry = stored === undefined ? undefined : decodeJobEntry(stored.value);
    return entry === undefined || "damaged" in entry ? undefined : entry;
  }

  async #submit(): Promise<void> {
    const options = { ...this.scene.startOptions(this.#job) };
    const answer = await this.#ask({ kind: "submit", module: moduleName, job: null, options });
    const entry = this.#entry();
    if (answer === "accepted" || (entry !== undefined && !isOver(entry))) return;
    this.scene.world.clock.setTimer(againMs, () => void this.#submit());
  }

  /** Asks until it is answered: a client outside the faults. */
  async #ask(request: Request): Promise<string> {
    const { world } = this.scene;
    const name = `client-${++this.#questions}`;
    const client = { transport: world.network.connect(name), clock: world.clock, random: world.random.fork(name), cluster };
    for (;;) {
      try {
        const answer = await ask({ ...client, ...impatience }, request);
        if (answer.kind === "refused") this.scene.failed(new SluiceError(answer.code, answer.message));
        return answer.kind;
      } catch (error) {
        this.scene.failed(error);
        if (this.#over) return "over";
      }
    }
  }

  #changed(change: KeyValueChange): void {
    const entry = change.kind === "put" ? this.#entry() : undefined;
    if (entry === undefined || !isOver(entry) || this.#over) return;
    this.scene.world.trace.note(`job is ${entry.state}`);
    if (entry.state === "finished") {
      this.#over = true;
      return;
    }
    this.scene.failed(new Error(entry.failure ?? entry.state));
    this.scene.world.clock.setTimer(againMs, () => void this.#submit());
  }
}
