import type { Disk } from "../../actors/disk.ts";
import type { Timer } from "../../actors/clock.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { KeyValue } from "../../actors/key_value.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Delivery, Subscription, Transport } from "../../actors/transport.ts";
import type { Job } from "../job/job.ts";
import type { World } from "../master/attempt.ts";
import type { JobEvent } from "../master/event.ts";
import { assertRestorable } from "../master/restore_plan.ts";
import { isOver, type JobEntry } from "./job_entry.ts";
import { JobEntryKeeper } from "./job_entry_keeper.ts";
import { type KnownWorker, newcomer } from "./known_worker.ts";
import { LeaseKeeper } from "./lease_keeper.ts";
import { type Answer, Blocked, openMessage, Outcome, protocolVersion, Question, Report, sealMessage } from "./message.ts";
import { checkClusterName, clientSubject, coordinatorSubject, jobsPrefix, workerSubject } from "./names.ts";
import { placeSlots, type Slots } from "./placement.ts";
import { RunningJob } from "./running_job.ts";
import { type ClusterFolder, patientFolder } from "./cluster_folder.ts";
import { snapshotFolderOf } from "./snapshot_places.ts";
import { Submission, type SubmissionHost } from "./submission.ts";
import { checkedTimes, type ClusterTimes } from "./times.ts";

/** How long whoever asks waits for an answer before it is told that it takes its time, in milliseconds. */
const momentMs = 500;

/** What a coordinator is made from. */
export interface ClusterCoordinatorOptions {
  readonly cluster: string;
  /** No other coordinator may ever have had this name: also not the same process before a restart. */
  readonly name: string;
  readonly shared: ClusterFolder;
  /** Holds the folders of savepoints. @default the world's disk */
  readonly places?: Disk;
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

/** What it is while it holds the lease. */
interface Reign {
  readonly term: number;
  readonly jobs: Map<string, RunningJob>;
  orderSeq: number;
  /** By question: what was answered. */
  readonly answers: Map<string, Promise<Answer>>;
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
  /** What has been said of those who speak another version. */
  readonly #foreign = new Set<string>();
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #ordering = false;
  #closed = false;

  /** @throws {SluiceError} `BAD_NAME`, `BAD_OPTIONS` */
  constructor(options: ClusterCoordinatorOptions) {
    checkClusterName("cluster", options.cluster);
    checkClusterName("coordinator", options.name);
    this.#options = { ...options, shared: patientFolder(options.shared, options.world.clock) };
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

  /** What keeps it from its work, for people. */
  get troubles(): readonly string[] {
    return this.#options.control.connected ? [] : ["the connection that orders go on is down"];
  }

  /** The jobs that it coordinates, and that are not over. */
  get runningJobs(): readonly string[] {
    return [...this.#reign?.jobs.values() ?? []].filter((job) => !job.over).map(({ name }) => name);
  }

  /** How a job is; undefined when it does not coordinate it. */
  figures(job: string) {
    return this.#reign?.jobs.get(job)?.figures();
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
    const reign: Reign = { term, jobs: new Map(), orderSeq: 0, answers: new Map(), settled: false };
    this.#lost("it begins a new term");
    this.#reign = reign;
    const now = this.#options.world.clock.monotonic();
    for (const worker of this.#workers.values()) {
      Object.assign(worker, { obeys: false, order: 0 });
      worker.deafness.heard(now);
    }
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
    const { system, world, keyValue, control, shared, places = world.disk, modules, onEvent } = this.#options;
    const job = new RunningJob({
      term: reign.term,
      system,
      world,
      keyValue,
      control,
      shared,
      places,
      modules,
      place: (name, count, signal) => this.#place(name, count, signal),
      lives: (worker) => this.#workers.has(worker),
      leaves: (worker) => this.#workers.get(worker)?.leaving ?? false,
      changed: () => this.#changed(),
      fenced: (cause) => {
        if (this.#reign === reign) this.#lost(messageOf(cause));
      },
      emit: (name, event) => onEvent?.(name, event),
    }, keeper);
    reign.jobs.set(job.name, job);
    if (!job.over) await job.start();
  }

  // Workers

  #hear(bytes: Uint8Array): void {
    if (this.#closed || bytes.length === 0) return; // somebody tries whether it may report
    const limit = this.#options.control.maxPayloadBytes;
    const report = openMessage(Report, bytes, limit);
    if (report.kind === "message") return this.#report(report.message);
    const outcome = openMessage(Outcome, bytes, limit);
    if (outcome.kind === "message") return this.#reign?.jobs.get(outcome.message.job)?.outcome(outcome.message);
    const blocked = openMessage(Blocked, bytes, limit);
    if (blocked.kind === "message") return this.#blocked(blocked.message);
    if (report.foreign && this.#foreign.has(report.reason)) return; // it comes with every heartbeat
    if (report.foreign) this.#foreign.add(report.reason);
    this.#log("warn", `a report was dropped: ${report.reason}`);
  }

  #report({ worker: name, seq, term, order, slots, presence, attempts }: Report): void {
    const now = this.#options.world.clock.monotonic();
    let worker = this.#workers.get(name);
    const isNew = worker === undefined;
    worker ??= newcomer(slots, now);
    if (seq <= worker.seq) return;
    const obeys = term === this.#reign?.term;
    worker.silence.heard(now);
    if (this.#reign === undefined || (obeys && order > worker.order)) worker.deafness.heard(now);
    Object.assign(worker, { slots, seq, obeys, order: obeys ? order : 0, leaving: presence !== "here", blocked: null });
    this.#workers.set(name, worker);
    if (isNew) this.#log("info", `worker ${name} has come with ${slots} slots`);
    if (this.#reign !== undefined && worker.obeys) {
      for (const job of this.#reign.jobs.values()) {
        if (!job.over) job.report(name, attempts.find((attempt) => attempt.job === job.name));
      }
    }
    if (presence === "gone") {
      this.#workers.delete(name);
      this.#log("info", `worker ${name} has gone`);
      this.#look();
    }
    if (isNew) this.#changed();
    this.#wakePlacing();
  }

  /** A worker that is blocked is no lost one: a thread of it still speaks. */
  #blocked({ worker: name, blockedMs, place }: Blocked): void {
    const worker = this.#workers.get(name);
    if (worker === undefined) return;
    const now = this.#options.world.clock.monotonic();
    worker.silence.heard(now);
    worker.deafness.heard(now);
    const since = `worker ${name} has been blocked`;
    if (worker.blocked === null) {
      this.#log("warn", `${since} for ${Math.round(blockedMs)} ms by ${place}: nothing else runs there meanwhile`);
    }
    worker.blocked = place;
  }

  /** Jobs look after their workers. */
  #look(): void {
    for (const job of this.#reign?.jobs.values() ?? []) if (!job.over) job.look(2 * this.#times.workerTimeoutMs);
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
    return [...this.#workers].map(([worker, { slots, leaving, blocked }]) => {
      const used = jobs.reduce((sum, job) => sum + job.slots.filter((of) => of === worker).length, 0);
      return { worker, free: leaving ? 0 : Math.max(0, slots - used), slots, used, leaving, blocked };
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
    const limitMs = this.#times.workerTimeoutMs;
    for (const [name, { silence, deafness }] of this.#workers) {
      const silentMs = silence.look(now, control.connected);
      const deafMs = deafness.look(now, control.connected && this.#reign !== undefined);
      if (Math.max(silentMs, deafMs) < limitMs) continue;
      this.#workers.delete(name);
      const what = silentMs >= limitMs ? "been silent" : "obeyed no order";
      this.#log("warn", `worker ${name} has ${what} for ${limitMs} ms: it is taken for lost`);
    }
    this.#look();
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
      if (opened.kind === "corrupt") {
        const code = opened.foreign ? "PROTOCOL_DIFFERS" : "MESSAGE_INVALID";
        throw new SluiceError(code, `the question could not be read: ${opened.reason}`);
      }
      if (!reign.settled) throw notReady();
      const { id } = opened.message;
      let answering = reign.answers.get(id);
      if (answering === undefined) reign.answers.set(id, answering = this.#answer(reign, opened.message));
      const [oldest] = reign.answers.keys();
      if (reign.answers.size > 1_000 && oldest !== undefined) reign.answers.delete(oldest);
      answer = await this.#inTime(answering);
    } catch (cause) {
      const code = cause instanceof SluiceError ? cause.code : "REMOTE_FAILURE";
      answer = { version, kind: "refused", code, message: messageOf(cause) };
    }
    if (this.#closed) return;
    try {
      control.publish(replyTo, sealMessage(answer));
    } catch (cause) {
      this.#log("warn", "a question could not be answered", cause); // whoever asks chooses where to: it may be no subject
    }
  }

  /** An answer that takes longer than a moment is asked for again. */
  async #inTime(answering: Promise<Answer>): Promise<Answer> {
    let timer: Timer | undefined;
    const late = new Promise<Answer>((resolve) => {
      const pending = { version: protocolVersion, kind: "pending" } as const;
      timer = this.#options.world.clock.setTimer(momentMs, () => resolve(pending));
    });
    try {
      return await Promise.race([answering, late]);
    } finally {
      timer?.cancel();
    }
  }

  async #answer(reign: Reign, question: Question): Promise<Answer> {
    const version = protocolVersion;
    if (question.kind === "list") {
      const jobs = [...reign.jobs.values()].map((job) => job.view()).sort((a, b) => (a.job < b.job ? -1 : 1));
      const workers = this.#rooms().map(({ free: _, ...of }) => of);
      return { version, kind: "listing", coordinator: this.#options.name, term: reign.term, jobs, workers };
    }
    if (question.kind === "submit") return { version, kind: "accepted", job: await this.#submit(reign, question) };
    if (question.kind === "plan") {
      const submission = await Submission.read(this.#submissions, question);
      const plan = await submission.planRestore(reign.jobs.get(submission.name)?.entry.retained ?? []);
      return { version, kind: "plan", plan: plan === undefined ? null : plan as never };
    }
    const job = reign.jobs.get(question.job);
    if (job === undefined) throw new SluiceError("JOB_UNKNOWN", `cluster ${this.#options.cluster} has no job ${question.job}`);
    const savepoint = question.kind === "savepoint" ? question : question.kind === "stop" ? question.savepoint : null;
    if (savepoint !== null) {
      const folder = snapshotFolderOf(this.#options.shared, question.job, savepoint.place);
      const asked = { question: question.id, folder, mode: savepoint.mode, last: question.kind === "stop" };
      return { version, kind: "savepoint", job: question.job, ...await job.savepoint(asked) };
    }
    if (question.kind === "resume") job.resume();
    else if (question.kind === "rescale") await job.rescale(question.parallelism);
    else await job.end(question.kind === "cancel" ? "cancel" : "stop");
    return { version, kind: "accepted", job: question.job };
  }

  get #submissions(): SubmissionHost {
    const { world, places = world.disk, ...host } = this.#options;
    return { ...host, places };
  }

  async #submit(reign: Reign, question: Extract<Question, { kind: "submit" }>): Promise<string> {
    const { keyValue, world } = this.#options;
    const { id } = question;
    const submission = await Submission.read(this.#submissions, question);
    const { name } = submission;
    const known = reign.jobs.get(name);
    if (known?.entry.submission === id) return name;
    const taken = new SluiceError("JOB_EXISTS", `job ${name} runs already: stop it first, or give the job another name`);
    if (known?.over === false) throw taken;
    if (submission.isRestore) {
      const plan = await submission.planRestore(known?.entry.retained ?? []);
      if (plan !== undefined) assertRestorable(plan, name);
    }
    const keeper = await JobEntryKeeper.take(keyValue, world.clock, reign.term, name, (before): JobEntry => {
      if (before === undefined || isOver(before)) return submission.entry(id, reign.term, before);
      if (reign.jobs.has(name)) throw taken;
      return before; // of a coordinator that did not know yet that it was deposed: nobody has taken it over so far
    });
    if (keeper !== undefined) await this.#begin(reign, keeper);
    // Whoever took over before the record was written has not seen it: only the one who coordinates now can promise anything.
    await this.#lease.look();
    if (this.#reign !== reign) throw notReady();
    if (keeper !== undefined && keeper.entry.submission !== id) throw taken;
    return name;
  }

  #log(level: "info" | "warn", message: string, cause?: unknown): void {
    this.#options.world.log({ level, from: `coordinator ${this.#options.name}`, message, cause });
  }
}

function notReady(): SluiceError {
  return new SluiceError("NOT_READY", "another coordinator takes over, or has just done so; ask again in a moment");
}
