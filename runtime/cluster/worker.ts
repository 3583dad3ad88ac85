import { messageOf } from "../../actors/error.ts";
import type { Disk } from "../../actors/disk.ts";
import type { Timer } from "../../actors/clock.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Subscription, Transport } from "../../actors/transport.ts";
import type { Job } from "../job/job.ts";
import type { World } from "../master/attempt.ts";
import type { Denial } from "../nats/denial.ts";
import { CreditPool } from "../task/credit_pool.ts";
import type { TurnMark } from "../task/turn_mark.ts";
import { healthOf } from "./health.ts";
import { HostedAttempt } from "./hosted_attempt.ts";
import { openMessage, Order, protocolVersion, type Report, sealMessage } from "./message.ts";
import { checkClusterName, coordinatorSubject, workerSubject } from "./names.ts";
import { type ClusterFolder, patientFolder } from "./cluster_folder.ts";
import { Silence } from "./silence.ts";
import { checkedTimes, type ClusterTimes } from "./times.ts";

/** What a worker is made from. */
export interface ClusterWorkerOptions {
  readonly cluster: string;
  /** No other worker may ever have had this name: also not the same process before a restart. */
  readonly name: string;
  readonly slots: number;
  readonly shared: ClusterFolder;
  /** Holds the folders of savepoints. @default the world's disk */
  readonly places?: Disk;
  /** Gives the job of a module of this worker's own disk, by the module's name. */
  readonly modules: (name: string) => Promise<Job>;
  readonly world: World;
  readonly system: ActorSystem;
  /** Two connections: bulk data must not hold up orders. */
  readonly control: Transport;
  readonly data: Transport;
  readonly times?: Partial<ClusterTimes>;
  /** A folder of this machine's own disk, of this worker alone, for keyed state that is to be on the disk. @default none */
  readonly stateDirectory?: string;
  /** Watches the turns of subtasks, which it is given the names of. @default nobody does */
  readonly mark?: (subtask: string) => TurnMark;
}

/**
 * A worker: runs the parts of jobs that the coordinator orders, and reports how they are.
 *
 * It takes no orders of a lower term than the highest it has seen, and runs no attempt of a job below the highest it has been
 * ordered to run; what an order no longer names it ends. Without any coordinator for `orphanMs` it ends all.
 */
export class ClusterWorker {
  readonly #options: ClusterWorkerOptions;
  readonly #times: ClusterTimes;
  readonly #subject: string;
  readonly #subscription: Subscription;
  readonly #coordinator: Silence;
  readonly #attempts = new Map<string, HostedAttempt>();
  /** Jobs of which the coordinator knows that nothing runs here. What has ended is remembered: it never begins again. */
  readonly #unnamed = new Set<string>();
  readonly #pool = new CreditPool();
  /** What is wrong with who orders, if it speaks another version. */
  #foreign: string | undefined;
  #term = 0;
  #orderSeq = 0;
  #reportSeq = 0;
  #timer: Timer | undefined;
  #reporting = false;
  #presence: Report["presence"] = "here";
  #closed = false;

  /** @throws {SluiceError} `BAD_NAME`, `BAD_OPTIONS` */
  constructor(options: ClusterWorkerOptions) {
    checkClusterName("cluster", options.cluster);
    checkClusterName("worker", options.name);
    this.#options = { ...options, shared: patientFolder(options.shared, options.world.clock) };
    this.#times = checkedTimes(options.times);
    this.#subject = coordinatorSubject(options.cluster);
    this.#coordinator = new Silence(options.world.clock.monotonic());
    const { control } = options;
    this.#subscription = control.subscribe(workerSubject(options.cluster, options.name), ({ bytes }) => {
      const opened = openMessage(Order, bytes, control.maxPayloadBytes);
      const before = this.#foreign;
      this.#foreign = opened.kind === "corrupt" && opened.foreign ? opened.reason : undefined;
      if (opened.kind === "message") return this.#obey(opened.message);
      const isNews = this.#foreign === undefined || this.#foreign !== before; // one of another version orders all the time
      if (bytes.length > 0 && isNews) this.#log("warn", `an order was dropped: ${opened.reason}`);
    });
    void control.flush().then(() => this.#beat(), () => this.#beat());
  }

  get name(): string {
    return this.#options.name;
  }

  /** The attempts that run here: job and number. */
  get attempts(): readonly { readonly job: string; readonly attempt: number }[] {
    return [...this.#attempts.values()].filter((hosted) => !hosted.over).map(({ job, attempt }) => ({ job, attempt }));
  }

  /** What it does, in figures. */
  figures() {
    const running = [...this.#attempts.values()].filter((hosted) => !hosted.over);
    const attempts = running.map((hosted) => ({ ...hosted.report(), subtasks: hosted.figures() }));
    const { slots } = this.#options;
    return { ...healthOf(this.troubles), slots, presence: this.#presence, term: this.#term, attempts };
  }

  /** What keeps it from its work, for people. */
  get troubles(): readonly string[] {
    const { control, data, world } = this.#options;
    const silentMs = this.#coordinator.look(world.clock.monotonic(), control.connected);
    return [
      control.connected ? [] : ["the connection that orders come on is down"],
      data.connected ? [] : ["the connection that frames go on is down"],
      this.#foreign === undefined ? [] : [this.#foreign],
      silentMs < this.#times.workerTimeoutMs ? [] : [`no coordinator has been heard for ${Math.round(silentMs)} ms`],
    ].flat();
  }

  /** Frames may not go on a subject, or not come: the attempt that they are of fails. */
  denied(denial: Denial): void {
    for (const hosted of this.#attempts.values()) hosted.denied(denial);
  }

  /** Asks that what runs here goes on elsewhere; settles when nothing runs here any more, at the latest after `timeoutMs`. */
  async leave(timeoutMs: number): Promise<void> {
    const { clock } = this.#options.world;
    const begin = clock.monotonic();
    this.#presence = "leaving";
    // An order may be under way that was given before the coordinator knew.
    for (let idle = 0; idle < 3 && clock.monotonic() - begin < timeoutMs && !this.#closed;) {
      this.#report();
      await new Promise<void>((resolve) => void clock.setTimer(this.#times.heartbeatMs, resolve));
      idle = this.attempts.length === 0 ? idle + 1 : 0;
    }
  }

  /** Ends all that runs here, and says so. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await Promise.all([...this.#attempts.values()].map((hosted) => hosted.stop()));
    this.#presence = "gone";
    this.#report();
    this.#closed = true;
    this.#timer?.cancel();
    this.#subscription.unsubscribe();
    await this.#options.control.flush().catch(() => {});
  }

  #obey(order: Order): void {
    if (this.#closed || order.term < this.#term || (order.term === this.#term && order.seq <= this.#orderSeq)) return;
    const { world } = this.#options;
    const newTerm = order.term > this.#term;
    this.#term = order.term;
    this.#orderSeq = order.seq;
    this.#coordinator.heard(world.clock.monotonic());
    for (const wanted of order.jobs) {
      this.#unnamed.delete(wanted.job);
      let hosted = this.#attempts.get(wanted.job);
      if (wanted.phase === "keep" || wanted.attempt < (hosted?.attempt ?? 0)) continue;
      if (hosted === undefined || wanted.attempt > hosted.attempt) {
        const before = hosted?.stop();
        const next = new HostedAttempt(this.#host(), wanted.job, wanted.attempt);
        this.#attempts.set(wanted.job, next);
        hosted = next;
        // A stop for what never came here: it is over, and stays so.
        if (wanted.phase === "stop") void next.stop();
        else if (before === undefined) next.start();
        else void before.then(() => next.start());
      }
      hosted.obey(wanted);
    }
    if (order.settled) {
      const named = new Set(order.jobs.map(({ job }) => job));
      for (const hosted of this.#attempts.values()) {
        if (named.has(hosted.job)) continue;
        if (hosted.over) this.#unnamed.add(hosted.job);
        else void hosted.stop();
      }
    }
    if (newTerm) this.#changed();
  }

  #host() {
    const { cluster, name, system, world, data, shared, places = world.disk, modules, stateDirectory, mark } = this.#options;
    const changed = () => this.#changed();
    const given = { cluster, system, world, data, shared, places, modules, stateDirectory, mark };
    return { ...given, worker: name, pool: this.#pool, changed };
  }

  /** Reports soon: what changes at once is reported once. */
  #changed(): void {
    if (this.#reporting || this.#closed) return;
    this.#reporting = true;
    this.#options.world.clock.yield(() => {
      this.#reporting = false;
      this.#report();
    });
  }

  #beat(): void {
    if (this.#closed) return;
    const { world, control } = this.#options;
    this.#report();
    if (this.#coordinator.look(world.clock.monotonic(), control.connected) >= this.#times.orphanMs && this.attempts.length > 0) {
      this.#log("warn", `no coordinator for ${this.#times.orphanMs} ms: what runs here is ended`);
      for (const hosted of this.#attempts.values()) void hosted.stop();
    }
    this.#timer = world.clock.setTimer(this.#times.heartbeatMs, () => this.#beat());
  }

  #report(): void {
    if (this.#closed) return;
    const { name, slots } = this.#options;
    const version = protocolVersion;
    const hosted = [...this.#attempts.values()].filter(({ job }) => !this.#unnamed.has(job));
    for (const outcome of hosted.flatMap((of) => of.outcomes())) {
      this.#publish(sealMessage({ version, kind: "outcome", worker: name, ...outcome }));
    }
    const attempts = hosted.map((of) => of.report());
    const seq = ++this.#reportSeq;
    const presence = this.#presence;
    const obeyed = { term: this.#term, order: this.#orderSeq };
    this.#publish(sealMessage({ version, kind: "report", worker: name, seq, ...obeyed, slots, presence, attempts }));
  }

  #publish(bytes: Uint8Array): void {
    try {
      this.#options.control.publish(this.#subject, bytes);
    } catch (cause) {
      this.#log("error", `a report could not be sent: ${messageOf(cause)}`);
    }
  }

  #log(level: "warn" | "error", message: string): void {
    this.#options.world.log({ level, from: `worker ${this.#options.name}`, message });
  }
}
