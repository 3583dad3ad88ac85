import type { Timer } from "../../actors/clock.ts";
import { SluiceError } from "../../actors/error.ts";
import type { KeyValue } from "../../actors/key_value.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Delivery, Subscription, Transport } from "../../actors/transport.ts";
import type { Job } from "../job/job.ts";
import type { World } from "../master/attempt.ts";
import type { JobEvent } from "../master/event.ts";
import { settingsOf } from "./hosted_attempt.ts";
import { isOver, type JobEntry } from "./job_entry.ts";
import { JobEntryKeeper } from "./job_entry_keeper.ts";
import { LeaseKeeper } from "./lease_keeper.ts";
import { type Answer, openMessage, Outcome, protocolVersion, Question, Report, sealMessage } from "./message.ts";
import { checkClusterName, clientSubject, coordinatorSubject, jobsPrefix, workerSubject } from "./names.ts";
import { placeSlots, type Slots } from "./placement.ts";
import { RunningJob } from "./running_job.ts";
import { Silence } from "./silence.ts";
import { checkedTimes, type ClusterTimes } from "./times.ts";

/** What a coordinator is made from. */
export interface ClusterCoordinatorOptions {
  readonly cluster: string;
  /** No other coordinator may ever have had this name: also not the same process before a restart. */
  readonly name: string;
  /** The folder of checkpoints that all members of the cluster see. */
  readonly state: string;
  /** Gives the job of a module of its own disk, by the module's name. */
  readonly modules: (name: string) => Promise<Job>;
  readonly world: World;
  readonly system: ActorSystem;
  readonly control: Transport;
  readonly keyValue: KeyValue;
  readonly times?: Partial<ClusterTimes>;
  /** Told what happens to jobs while this one coordinates. */
  readonly onEvent?: (job: string, event: JobEvent) => void;
}

interface KnownWorker {
  readonly silence: Silence;
  slots: number;
  seq: number;
  /** It has seen this coordinator's term: what it reports is what is so now. */
  obeys: boolean;
}

/** What it is while it holds the lease. */
interface Reign {
  readonly term: number;
  readonly jobs: Map<string, RunningJob>;
  orderSeq: number;
  /** Every job record is taken over: what no order names is over. */
  settled: boolean;
}

/**
 * A coordinator: one of those of a cluster holds the lease, places jobs on workers and runs their masters; the others wait to
 * take over. Who takes over changes the term in every job's record first, so that nothing of its predecessor counts any more, and
 * adopts what runs.
 */
export class ClusterCoordinator {
  readonly #options: ClusterCoordinatorOptions;
  readonly #times: ClusterTimes;
  readonly #subscriptions: readonly Subscription[];
  readonly #lease: LeaseKeeper;
  readonly #workers = new Map<string, KnownWorker>();
  #reign: Reign | undefined;
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #ordering = false;
  #closed = false;

  /** @throws {SluiceError} `BAD_NAME`, `BAD_OPTIONS` */
  constructor(options: ClusterCoordinatorOptions) {
    checkClusterName("cluster", options.cluster);
    checkClusterName("coordinator", options.name);
    this.#options = options;
    this.#times = checkedTimes(options.times);
    const { control, cluster, keyValue, world, name } = options;
    this.#subscriptions = [
      control.subscribe(coordinatorSubject(cluster), ({ bytes }) => this.#hear(bytes)),
      control.subscribe(clientSubject(cluster), (delivery) => void this.#asked(delivery)),
    ];
    this.#lease = new LeaseKeeper({
      keyValue,
      clock: world.clock,
      me: name,
      leaseMs: this.#times.leaseMs,
      connected: () => control.connected,
      took: (term) => void this.#took(term),
      lost: () => this.#lost("another coordinator has taken over"),
    });
    this.#beat();
  }

  /** The term in which it coordinates; undefined while another one does. */
  get term(): number | undefined {
    return this.#reign?.term;
  }

  /** Ends it; jobs go on, for another coordinator to adopt. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    const jobs = [...this.#reign?.jobs.values() ?? []];
    this.#reign = undefined;
    await Promise.all(jobs.map((job) => job.abandon()));
    await this.#lease.close();
  }

  // The lease

  async #took(term: number): Promise<void> {
    const reign: Reign = { term, jobs: new Map(), orderSeq: 0, settled: false };
    this.#lost("it begins a new term");
    this.#reign = reign;
    for (const worker of this.#workers.values()) worker.obeys = false;
    this.#log("info", `coordinates with term ${term}`);
    this.#order();
    while (this.#reign === reign) {
      try {
        const { keyValue, world } = this.#options;
        for (const key of await keyValue.keys(jobsPrefix)) {
          const job = key.slice(jobsPrefix.length + 1);
          if (this.#reign !== reign || reign.jobs.has(job)) continue;
          const keeper = await JobEntryKeeper.take(keyValue, world.clock, term, job, (entry) => entry);
          if (keeper !== undefined && this.#reign === reign) await this.#begin(reign, keeper);
        }
        reign.settled = true;
        return this.#changed();
      } catch (cause) {
        if (cause instanceof SluiceError && cause.code === "FENCED") return this.#lost(cause.message);
        this.#log("warn", "jobs could not be taken over; tried again", cause);
        await new Promise<void>((resolve) => void this.#options.world.clock.setTimer(this.#times.heartbeatMs, resolve));
      }
    }
  }

  #lost(why: string): void {
    const reign = this.#reign;
    if (reign === undefined) return;
    this.#reign = undefined;
    this.#log("warn", `no longer coordinates (term ${reign.term}): ${why}`);
    for (const job of reign.jobs.values()) void job.abandon();
  }

  async #begin(reign: Reign, keeper: JobEntryKeeper): Promise<void> {
    const { system, world, keyValue, control, state, modules, onEvent } = this.#options;
    const job = new RunningJob({
      term: reign.term,
      system,
      world,
      keyValue,
      control,
      state,
      modules,
      place: (name, count, signal) => this.#place(name, count, signal),
      lives: (worker) => this.#workers.has(worker),
      changed: () => this.#changed(),
      fenced: (cause) => {
        if (this.#reign === reign) this.#lost(cause instanceof Error ? cause.message : String(cause));
      },
      emit: (name, event) => onEvent?.(name, event),
    }, keeper);
    reign.jobs.set(job.name, job);
    if (!job.over) await job.start();
  }

  // Workers

  #hear(bytes: Uint8Array): void {
    if (this.#closed) return;
    const limit = this.#options.control.maxPayloadBytes;
    const report = openMessage(Report, bytes, limit);
    if (report.kind === "message") return this.#report(report.message);
    const outcome = openMessage(Outcome, bytes, limit);
    if (outcome.kind === "message") return this.#reign?.jobs.get(outcome.message.job)?.outcome(outcome.message);
    this.#log("warn", `a report was dropped: ${report.reason}`);
  }

  #report({ worker: name, seq, term, slots, attempts }: Report): void {
    const now = this.#options.world.clock.monotonic();
    let worker = this.#workers.get(name);
    const isNew = worker === undefined;
    worker ??= { silence: new Silence(now), slots, seq: 0, obeys: false };
    if (seq <= worker.seq) return;
    Object.assign(worker, { slots, seq, obeys: term === this.#reign?.term });
    worker.silence.heard(now);
    this.#workers.set(name, worker);
    if (isNew) this.#log("info", `worker ${name} has come with ${slots} slots`);
    if (this.#reign !== undefined && worker.obeys) {
      for (const job of this.#reign.jobs.values()) {
        if (!job.over) job.report(name, attempts.find((attempt) => attempt.job === job.name));
      }
    }
    if (isNew) this.#changed();
    this.#wakePlacing();
  }

  /** Takes slots for a job as soon as there are enough. */
  async #place(job: string, count: number, signal: AbortSignal): Promise<Slots> {
    let told = false;
    for (;;) {
      if (signal.aborted) throw new SluiceError("RUN_CANCELLED", `job ${job} was to end before there was room for it`);
      const slots = placeSlots(count, this.#rooms());
      if (slots !== undefined) return slots;
      if (!told) this.#log("warn", `job ${job} waits for ${count} free slots`);
      told = true;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  #rooms() {
    const jobs = [...this.#reign?.jobs.values() ?? []];
    return [...this.#workers].map(([worker, { slots }]) => {
      const used = jobs.reduce((sum, job) => sum + job.slots.filter((of) => of === worker).length, 0);
      return { worker, free: Math.max(0, slots - used), slots, used };
    });
  }

  #wakePlacing(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #beat(): void {
    if (this.#closed) return;
    const { world, control } = this.#options;
    const now = world.clock.monotonic();
    for (const [name, { silence }] of this.#workers) {
      if (silence.look(now, control.connected) < this.#times.workerTimeoutMs) continue;
      this.#workers.delete(name);
      this.#log("warn", `worker ${name} has been silent for ${this.#times.workerTimeoutMs} ms: it is taken for lost`);
    }
    for (const job of this.#reign?.jobs.values() ?? []) if (!job.over) job.look(2 * this.#times.workerTimeoutMs);
    this.#order();
    this.#timer = world.clock.setTimer(this.#times.heartbeatMs, () => this.#beat());
  }

  /** Orders soon: what changes at once is ordered once. */
  #changed(): void {
    if (this.#ordering || this.#closed) return;
    this.#ordering = true;
    this.#options.world.clock.yield(() => {
      this.#ordering = false;
      this.#order();
      this.#wakePlacing();
    });
  }

  #order(): void {
    const reign = this.#reign;
    if (reign === undefined || this.#closed) return;
    const { control, cluster, name } = this.#options;
    const { term, settled } = reign;
    for (const worker of this.#workers.keys()) {
      const jobs = [...reign.jobs.values()].flatMap((job) => job.over ? [] : job.order(worker) ?? []);
      const seq = ++reign.orderSeq;
      const version = protocolVersion;
      control.publish(
        workerSubject(cluster, worker),
        sealMessage({ version, kind: "order", coordinator: name, term, seq, settled, jobs }),
      );
    }
  }

  // Clients

  async #asked({ bytes, replyTo }: Delivery): Promise<void> {
    const reign = this.#reign;
    if (reign === undefined || replyTo === undefined || this.#closed) return;
    const { control } = this.#options;
    const opened = openMessage(Question, bytes, control.maxPayloadBytes);
    const version = protocolVersion;
    let answer: Answer;
    try {
      if (opened.kind === "corrupt") throw new SluiceError("MESSAGE_INVALID", `the question could not be read: ${opened.reason}`);
      if (!reign.settled) throw new SluiceError("NOT_READY", "the coordinator has just taken over; ask again in a moment");
      answer = await this.#answer(reign, opened.message);
    } catch (cause) {
      const code = cause instanceof SluiceError ? cause.code : "REMOTE_FAILURE";
      answer = { version, kind: "refused", code, message: cause instanceof Error ? cause.message : String(cause) };
    }
    if (!this.#closed) control.publish(replyTo, sealMessage(answer));
  }

  async #answer(reign: Reign, question: Question): Promise<Answer> {
    const version = protocolVersion;
    if (question.kind === "list") {
      const jobs = [...reign.jobs.values()].map((job) => job.view()).sort((a, b) => (a.job < b.job ? -1 : 1));
      const workers = this.#rooms().map(({ worker, slots, used }) => ({ worker, slots, used }));
      return { version, kind: "listing", coordinator: this.#options.name, term: reign.term, jobs, workers };
    }
    if (question.kind === "submit") return { version, kind: "accepted", job: await this.#submit(reign, question) };
    const job = reign.jobs.get(question.job);
    if (job === undefined) throw new SluiceError("JOB_UNKNOWN", `cluster ${this.#options.cluster} has no job ${question.job}`);
    await job.end(question.kind);
    return { version, kind: "accepted", job: question.job };
  }

  async #submit(reign: Reign, { module, options }: Extract<Question, { kind: "submit" }>): Promise<string> {
    const { keyValue, world, modules, control } = this.#options;
    const { name } = (await modules(module)).graph;
    settingsOf({ options }, control);
    const taken = new SluiceError("JOB_EXISTS", `job ${name} runs already: stop it first, or give the job another name`);
    const keeper = await JobEntryKeeper.take(keyValue, world.clock, reign.term, name, (before): JobEntry => {
      if (before !== undefined && !isOver(before)) throw taken;
      const numbers = before ?? { attempt: 0, nextCheckpointId: 1, retained: [] };
      return {
        version: 1,
        job: name,
        module,
        options,
        state: "running",
        failure: null,
        term: reign.term,
        ...pickNumbers(numbers),
      };
    });
    if (keeper !== undefined) await this.#begin(reign, keeper);
    return name;
  }

  #log(level: "info" | "warn", message: string, cause?: unknown): void {
    this.#options.world.log({ level, from: `coordinator ${this.#options.name}`, message, cause });
  }
}

/** What outlives the end of a job: it goes on from its checkpoints, under numbers never used. */
function pickNumbers({ attempt, nextCheckpointId, retained }: Pick<JobEntry, "attempt" | "nextCheckpointId" | "retained">) {
  return { attempt, nextCheckpointId, retained };
}
