import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { NatsConnection } from "nats";
import { SeededRandom } from "../../../actors/seeded_random.ts";
import { channelScope, workerSubject } from "../../../runtime/cluster/names.ts";
import { subjectToken } from "../../../runtime/master/encoded_links.ts";
import { connectNats } from "../../../runtime/nats/mod.ts";
import { NatsServer } from "../../nats/server.ts";
import { projectRoot, type RuntimeName } from "../../runner/discover.ts";
import type { CutNetwork } from "./cut_network.ts";
import { MemberProcess, type Said } from "./member_process.ts";
import { pause, Traffic } from "./traffic.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** How a cluster under test is made. */
export interface ChaosOptions {
  readonly runtime: RuntimeName;
  readonly mode: "aligned" | "unaligned";
  readonly seed: number;
  readonly recordsPerSecond?: number;
  /** Flags for all members. */
  readonly flags?: readonly string[];
  /** Variables for all members. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly say?: (line: string) => void;
  /** Has each member run in a place of its own, which can be cut off. It is taken away at the end. */
  readonly network?: CutNetwork | undefined;
  /** Another nats-server than the one that tests find. */
  readonly serverPath?: string;
}

/** Three workers and two coordinators as processes, a nats-server, and a job from JetStream to JetStream that never ends. */
export class ChaosCluster {
  readonly server: NatsServer;
  readonly workers: readonly MemberProcess[];
  readonly coordinators: readonly MemberProcess[];
  readonly timeoutMs = 1_500;
  /** What members have said of the job, each event once. */
  readonly events: Said[] = [];
  /** What coordinators have said of operators that block the event loop. */
  readonly blocked: string[] = [];
  /** Where members run, if they can be cut off. */
  readonly network: CutNetwork | undefined;
  readonly traffic: Traffic;
  readonly #nats: NatsConnection;
  readonly #options: ChaosOptions;
  readonly #folder: string;
  #leader: MemberProcess | undefined;

  private constructor(server: NatsServer, nats: NatsConnection, options: ChaosOptions) {
    this.server = server;
    this.#nats = nats;
    this.#options = options;
    const { network } = options;
    this.network = network;
    this.#folder = mkdtempSync(join(tmpdir(), "sluice-chaos-"));
    const times = ["--heartbeat", "100ms", "--worker-timeout", `${this.timeoutMs}ms`, "--lease", `${this.timeoutMs}ms`];
    const place = {
      runtime: options.runtime,
      natsUrl: server.url,
      state: join(this.#folder, "state"),
      flags: [...times, ...options.flags ?? []],
      ...(options.environment === undefined ? {} : { environment: options.environment }),
      heard: (member: MemberProcess, said: Said) => this.#heard(member, said),
      ...(network === undefined ? {} : { inside: (member: string) => network.inside(member) }),
    };
    this.workers = [1, 2, 3].map((number) => new MemberProcess("worker", `w${number}`, { ...place }));
    this.coordinators = [1, 2].map((number) => new MemberProcess("coordinator", `c${number}`, { ...place }));
    for (const { name } of this.#members) network?.place(name);
    this.traffic = new Traffic(nats, new SeededRandom(`${options.seed}`).fork("traffic"), options.recordsPerSecond ?? 500);
  }

  /** A file that is not there yet, for what is to happen once. */
  token(name: string): string {
    return join(this.#folder, name);
  }

  /** Starts it all; settles when the job has completed checkpoints. */
  static async start(options: ChaosOptions): Promise<ChaosCluster> {
    const path = options.serverPath === undefined ? {} : { path: options.serverPath };
    const { network } = options;
    const server = await NatsServer.start({
      jetstream: true,
      config: "max_pending: 8MB", // less than the default, so that a slow consumer is soon one
      ...(network === undefined ? {} : { host: network.address }),
      ...path,
    });
    const nats = await connectNats({ servers: server.url });
    const cluster = new ChaosCluster(server, nats, options);
    try {
      const manager = await nats.jetstreamManager();
      await manager.streams.add({ name: "IN", subjects: ["in.*"] });
      await manager.streams.add({ name: "OUT", subjects: ["out.>"], ...{ allow_atomic: true } });
      for (const member of cluster.#members) member.start();
      await cluster.until("three workers have come", () => cluster.#names.size >= 3);
      await cluster.#command("submit", "keyed", "--parallelism", "3", "--mode", options.mode, "--interval", "250ms");
      cluster.traffic.begin();
      await cluster.checkpoints(2);
      return cluster;
    } catch (error) {
      await cluster.end();
      throw error;
    }
  }

  /** Whether the coordinator that leads takes a worker for alive. */
  counts(worker: MemberProcess): boolean {
    const known = this.#leader === undefined ? undefined : this.#known.get(this.#leader);
    return [...known ?? []].some((name) => name.startsWith(`${worker.name}-`));
  }

  get #members(): readonly MemberProcess[] {
    return [...this.workers, ...this.coordinators];
  }

  /** The coordinator that holds the lease, as far as is known. */
  get leader(): MemberProcess | undefined {
    return this.#leader;
  }

  /** The attempt that runs. */
  get attempt(): number {
    return Math.max(0, ...this.events.flatMap((said) => said.kind === "started" ? [Number(said["attempt"])] : []));
  }

  /** How many connections the server has broken because what it had for them was not read. */
  get slowConsumers(): number {
    return this.server.log().split("Slow Consumer Detected").length - 1;
  }

  /** Sends a worker, and the subtasks of the last step, more nonsense than the server keeps for who does not read. */
  async flood(worker: MemberProcess): Promise<void> {
    const nonsense = new Uint8Array(1_000_000).fill(0x5a);
    const prefix = `sluice.${subjectToken(channelScope("main", "keyed"))}.${this.attempt}`;
    const name = [...this.#names].filter((known) => known.startsWith(`${worker.name}-`)).at(-1) ?? worker.name;
    for (let count = 0; count < 24; count++) {
      for (const subtask of [0, 1, 2]) this.#nats.publish(`${prefix}.2.${subtask}`, nonsense);
      this.#nats.publish(workerSubject("main", name), nonsense);
      await this.#nats.flush();
    }
  }

  /** Waits for so many more completed checkpoints. */
  async checkpoints(more: number): Promise<void> {
    const wanted = this.#completed.size + more;
    await this.until(`${more} more checkpoints`, () => this.#completed.size >= wanted);
  }

  /** Waits for an event of the job that is yet to come. */
  async next(kind: string, matches: (said: Said) => boolean = () => true): Promise<Said> {
    const from = this.events.length;
    const find = () => this.events.slice(from).find((said) => said.kind === kind && matches(said));
    await this.until(`the event ${kind}`, () => find() !== undefined);
    return find() as Said;
  }

  /** Ends the input, waits until all of it has come out, stops the job, and judges. */
  async finish(): Promise<Verdict> {
    await this.traffic.stop();
    const manager = await this.#nats.jetstreamManager();
    // On a busy machine there is much to catch up with: what counts is that it goes on.
    for (let out = 0, before = -1; out < this.traffic.published; before = out) {
      await this.until(`more than ${out} of ${this.traffic.published} records have come out`, async () => {
        const { state } = await manager.streams.info("OUT", { subjects_filter: "out.*" });
        out = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
        return out > before;
      });
    }
    await this.#command("stop", "keyed", "--wait");
    return await verdict(this.#nats, console.error);
  }

  async end(): Promise<void> {
    for (const member of this.#members) member.resume();
    await Promise.all(this.#members.map((member) => member.kill()));
    await this.traffic.stop();
    await this.#nats.close();
    await this.server.stop();
    this.network?.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The full names of workers that have come, oldest first. */
  readonly #names = new Set<string>();
  /** By coordinator: those that it takes for alive. */
  readonly #known = new Map<MemberProcess, Set<string>>();
  readonly #completed = new Set<number>();

  #heard(member: MemberProcess, said: Said): void {
    if (said.kind === "joined") this.#known.set(member, new Set());
    if (said.kind === "log") {
      const message = String(said["message"]);
      const [, name = "", what] = /^worker (\S+) (has come|has gone|.*taken for lost)/.exec(message) ?? [];
      if (what === "has come") {
        this.#names.add(name);
        this.#known.get(member)?.add(name);
      } else if (what !== undefined) this.#known.get(member)?.delete(name);
      if (message.includes("has been blocked")) this.blocked.push(message);
      if (message.startsWith("coordinates with term")) this.#leader = member;
      this.#options.say?.(`${member.name}: ${message}`);
    } else if (said["job"] === "keyed") {
      if (said.kind === "checkpoint-completed") this.#completed.add(Number(said["checkpoint"]));
      this.events.push(said);
      this.#options.say?.(`${member.name}: ${said.kind} ${said["checkpoint"] ?? ""} ${said["reason"] ?? said["cause"] ?? ""}`);
    }
  }

  /** Waits for something to be so. */
  async until(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
    const begin = performance.now();
    for (;;) {
      if (await Promise.resolve(reached()).catch(() => false)) return;
      if (performance.now() - begin > 120_000) throw new Error(`in two minutes there was no sign that ${what}:\n${this.#said()}`);
      await pause(20);
    }
  }

  #said(): string {
    return this.#members.map(({ name, lines }) => `${name}:\n  ${lines.slice(-15).join("\n  ")}`).join("\n");
  }

  async #command(...args: readonly string[]): Promise<void> {
    const [command = "", ...own] = MemberProcess.command(this.#options.runtime);
    const env = { ...process.env, NATS_URL: this.server.url };
    const ended = spawnSync(command, [...own, ...args, "--timeout", "30s"], { cwd: projectRoot, env, encoding: "utf8" });
    if (ended.status !== 0) throw new Error(`sluice ${args.join(" ")}: ${ended.stderr}\n${this.#said()}`);
  }
}
