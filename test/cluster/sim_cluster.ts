import * as assert from "uvu/assert";
import type { KeyValue } from "../../actors/key_value.ts";
import { MemoryKeyValueStore } from "../../actors/memory_key_value.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { World } from "../../actors/simulation/world.ts";
import { generate, type Job, job, type JobEvent, memorySink, type, value } from "../../mod.ts";
import { type Answered, ask } from "../../runtime/cluster/client.ts";
import { ClusterCoordinator } from "../../runtime/cluster/coordinator.ts";
import type { JobView, Request } from "../../runtime/cluster/message.ts";
import type { ClusterTimes } from "../../runtime/cluster/times.ts";
import { ClusterWorker } from "../../runtime/cluster/worker.ts";

export const times = {
  heartbeatMs: 100,
  workerTimeoutMs: 500,
  leaseMs: 500,
  orphanMs: 5_000,
  blockedMs: 200,
  blockLimitMs: 5_000,
};

/** A member of a simulated cluster. */
export interface Member<T> {
  readonly process: SimulatedProcess;
  readonly member: T;
  /** The names of its connections. */
  readonly connections: readonly string[];
}

const keys = 7;

export interface SimClusterOptions {
  readonly records: number;
  readonly ratePerSecond?: number;
  /** How long a coordinator takes to load a module. */
  readonly moduleMs?: number;
  /** Other times than {@link times}. */
  readonly times?: Partial<ClusterTimes>;
  /** A record that the operator cannot process. */
  readonly poison?: number;
  /** Called with each record, in the process whose operator gets it. */
  readonly onRecord?: (n: number, process: SimulatedProcess) => void;
  /** What a coordinator's store is to be instead. */
  readonly keyValue?: (store: KeyValue, coordinator: string, process: SimulatedProcess) => KeyValue;
  /** Further options that the job is submitted with. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/**
 * A cluster of simulated processes: coordinators, workers and a client over a simulated network, a key-value store in memory and
 * a disk that all see, in virtual time.
 */
export class SimCluster {
  readonly world: World;
  readonly store: MemoryKeyValueStore;
  readonly disk: SimulatedDisk;
  readonly out = memorySink<string>();
  readonly events: JobEvent[] = [];
  /** What members have said. */
  readonly said: { readonly level: string; readonly from: string; readonly message: string }[] = [];
  readonly workers: Member<ClusterWorker>[] = [];
  readonly coordinators: Member<ClusterCoordinator>[] = [];
  readonly #options: SimClusterOptions;
  readonly records: number;

  constructor(seed: string, options: SimClusterOptions) {
    this.world = new World(seed);
    this.store = new MemoryKeyValueStore(this.world.clock);
    this.disk = new SimulatedDisk({ clock: this.world.clock, random: this.world.random.fork("disk") });
    this.records = options.records;
    this.#options = options;
  }

  /** The module of a process: counts per key, in an operator `count`; or in one that is called as the module is. */
  #job(module: string, process: SimulatedProcess): Job {
    const { records, ratePerSecond = 500, poison, onRecord } = this.#options;
    return job("counting", (flow) => {
      flow.from("numbers", generate({ count: records, ratePerSecond, make: (n) => ({ n }) }))
        .keyBy("key", ({ n }) => n % keys)
        .process(module === "counting" ? "count" : module, {
          state: { total: value(type<number>(), 0) },
          emits: type<string>(),
          onRecord({ n }, ctx) {
            if (n === poison) throw new Error(`cannot process ${n}`);
            onRecord?.(n, process);
            const total = (ctx.state.total.get() ?? 0) + 1;
            ctx.state.total.set(total);
            ctx.emit(`${n}:${total}`);
          },
        })
        .to("out", this.out);
    });
  }

  addWorker(slots = 2): Member<ClusterWorker> {
    const name = `w${this.workers.length + 1}`;
    const process = new SimulatedProcess(this.world.clock, this.disk);
    const connect = (of: string) => process.transport(this.world.network.connect(`${name}-${of}`));
    const member = new ClusterWorker({
      ...this.#common(name, process),
      name,
      slots,
      control: connect("control"),
      data: connect("data"),
    });
    const made = { process, member, connections: [`${name}-control`, `${name}-data`] };
    this.workers.push(made);
    return made;
  }

  addCoordinator(): Member<ClusterCoordinator> {
    const name = `c${this.coordinators.length + 1}`;
    const process = new SimulatedProcess(this.world.clock, this.disk);
    const keyValue = process.keyValue(this.store.connect());
    const member = new ClusterCoordinator({
      ...this.#common(name, process),
      name,
      control: process.transport(this.world.network.connect(`${name}-control`)),
      keyValue: this.#options.keyValue?.(keyValue, name, process) ?? keyValue,
      onEvent: (_job, event) => this.events.push(event),
    });
    const made = { process, member, connections: [`${name}-control`] };
    this.coordinators.push(made);
    return made;
  }

  /** The coordinator that holds the lease. */
  get leader(): Member<ClusterCoordinator> {
    const leading = this.coordinators.filter(({ process, member }) => process.alive && member.term !== undefined);
    return leading.sort((a, b) => (b.member.term ?? 0) - (a.member.term ?? 0))[0] as Member<ClusterCoordinator>;
  }

  /** One coordinator that leads, one that stands by, three workers, and the job submitted with parallelism 3. */
  static async start(
    seed: string,
    options: SimClusterOptions & { mode?: string },
  ): Promise<SimCluster> {
    const cluster = new SimCluster(seed, options);
    for (let count = 0; count < 3; count++) cluster.addWorker();
    cluster.addCoordinator();
    await cluster.world.run(() => cluster.coordinators[0]?.member.term !== undefined, { maxMs: 10_000 });
    cluster.addCoordinator();
    await cluster.world.pass(3 * (options.times?.heartbeatMs ?? times.heartbeatMs)); // every worker is known, and gets its share
    await cluster.submit({
      parallelism: 3,
      checkpoints: { mode: options.mode ?? "unaligned", intervalMs: 50 },
      ...options.options,
    });
    return cluster;
  }

  async submit(options: Readonly<Record<string, unknown>>, name: string | null = null): Promise<void> {
    const answer = await this.ask({ kind: "submit", module: "counting", job: name, options: { ...options } });
    assert.is(answer.kind, "accepted", JSON.stringify(answer));
  }

  ask(question: Request): Promise<Answered> {
    const client = this.world.network.connect(`client-${++this.#clients}`);
    const answer = ask({
      transport: client,
      clock: this.world.clock,
      random: this.world.random.fork(`client ${this.#clients}`),
      cluster: "test",
      patienceMs: 20_000,
    }, question);
    return this.world.run(answer) as Promise<Answered>;
  }
  #clients = 0;

  async job(): Promise<JobView> {
    const answer = await this.ask({ kind: "list" });
    if (answer.kind !== "listing") throw new Error(JSON.stringify(answer));
    return answer.jobs[0] as JobView;
  }

  /** Moves a folder, as somebody does by hand. */
  async move(from: string, to: string): Promise<void> {
    const moving = async () => {
      await this.disk.makeDirectory(to);
      for (const name of await this.disk.list(from)) await this.disk.rename(`${from}/${name}`, `${to}/${name}`);
    };
    await this.world.run(moving());
  }

  count(kind: JobEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  /** Lets time pass until that many checkpoints have completed since the call. */
  async checkpoints(more: number, maxMs = 20_000): Promise<void> {
    const wanted = this.count("checkpoint-completed") + more;
    await this.world.run(() => this.count("checkpoint-completed") >= wanted, { maxMs });
  }

  /** Lets the job come to its end, and judges its output. */
  async finish(maxMs = 120_000): Promise<void> {
    await this.world.run(() => this.count("finished") > 0 || this.count("given-up") > 0, { maxMs });
    assert.is(this.count("given-up"), 0, JSON.stringify(this.events.at(-1), (_, v) => v instanceof Error ? v.message : v));
    this.judge();
  }

  /** Every record is counted once; per key the counts are 1, 2, 3 …, in order. */
  judge(): void {
    const seen = this.out.values.map((text) => text.split(":").map(Number) as [number, number]);
    assert.equal(seen.map(([n]) => n).sort((a, b) => a - b), Array.from({ length: this.records }, (_, n) => n));
    for (let key = 0; key < keys; key++) {
      const counts = seen.filter(([n]) => n % keys === key).map(([, total]) => total);
      assert.equal(counts, counts.map((_, index) => index + 1), `key ${key}`);
    }
  }

  #common(name: string, process: SimulatedProcess) {
    const system = this.world.system(name, { clock: process.clock });
    const world = {
      clock: process.clock,
      random: this.world.random.fork(name),
      disk: process.disk,
      log: (entry: { readonly level: string; readonly from: string; readonly message: string }) => {
        this.said.push(entry);
        this.world.trace.note(`${name} ${entry.level} ${entry.from}: ${entry.message}`);
      },
    };
    const modules = async (module: string) => {
      const slow = name.startsWith("c") ? this.#options.moduleMs ?? 0 : 0;
      if (slow > 0) await new Promise<void>((resolve) => void process.clock.setTimer(slow, resolve));
      const known = module === "counting" || module === "renamed";
      return known ? this.#job(module, process) : Promise.reject(new Error(`no module ${module}`));
    };
    const shared = { disk: world.disk, folder: "state" };
    return { cluster: "test", shared, times: { ...times, ...this.#options.times }, system, world, modules };
  }
}
