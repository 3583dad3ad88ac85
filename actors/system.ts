import type { ActorState } from "./actor_state.ts";
import { type PendingQuestion, refuse } from "./ask.ts";
import type { Factory, SpawnOptions, StopReason } from "./behavior.ts";
import { Cell } from "./cell.ts";
import type { Clock } from "./clock.ts";
import type { DeadLetter } from "./dead_letter.ts";
import { SluiceError } from "./error.ts";
import type { Home } from "./home.ts";
import { actorOf } from "./local_ref.ts";
import { type Logger, silent } from "./logger.ts";
import type { Random } from "./random.ts";
import type { ActorRef, Address, AskOptions } from "./ref.ts";
import { Remote, type RemoteOptions } from "./remote.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import { cellOptions } from "./spawn_options.ts";
import type { SupervisionOptions } from "./supervisor.ts";
import { systemClock } from "./system_clock.ts";
import { systemRandom } from "./system_random.ts";
import { watchedBy } from "./watch.ts";

/** What a system can be told. Everything has a default: `createSystem()` works. */
export interface SystemOptions {
  /**
   * What log entries and addresses call it: letters, digits, `_` and `-`.
   * @default "sluice"
   */
  readonly name?: string;
  /** @default the machine's clock */
  readonly clock?: Clock;
  /** @default chance seeded by the machine */
  readonly random?: Random;
  /**
   * Gets what the system has to say; failures of actors come as `error`.
   * @default nothing is said
   */
  readonly logger?: Logger;
  /** Gets every message that nobody handled. Must not throw. */
  readonly onDeadLetter?: (letter: DeadLetter) => void;
  readonly scheduler?: SchedulerOptions;
  /** How top-level actors are supervised. When they exceed it, the system shuts down: see `terminated`. */
  readonly supervision?: SupervisionOptions;
  /**
   * The default of {@link SpawnOptions.handlerTimeoutMs}, in milliseconds.
   * @default Infinity
   */
  readonly handlerTimeoutMs?: number;
  /**
   * The default of `ask`'s `timeoutMs`, in milliseconds.
   * @default 5,000
   */
  readonly askTimeoutMs?: number;
  /**
   * Joins it with other systems.
   * @default it stands alone
   */
  readonly remote?: RemoteOptions;
}

/**
 * A world of actors in one event loop.
 *
 * After `shutdown`, or the end of an `await using` block, no timer, subscription or promise of the system is left.
 */
export interface ActorSystem extends AsyncDisposable {
  /** Unique: the name and a random part. */
  readonly id: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Settles once every actor has stopped: after `shutdown`, or, with `failed`, when top-level supervision gave up. */
  readonly terminated: Promise<StopReason>;
  /**
   * Starts a top-level actor.
   *
   * @throws {SluiceError} `NAME_TAKEN`, `BAD_NAME`, `OPTION_OUT_OF_RANGE`, `SYSTEM_STOPPED`
   */
  spawn<M>(name: string, factory: Factory<M>, options?: SpawnOptions): ActorRef<M>;
  /**
   * A ref to the actor of an address, here or in another process. The type of its messages is the caller's word; they are
   * checked against the actor's schema when they arrive.
   *
   * @throws {SluiceError} `NO_TRANSPORT`, `BAD_NAME`
   */
  refTo<M>(address: Address): ActorRef<M>;
  /**
   * Looks for an actor by the name of its system and its path; the first answer counts. As with `refTo`, the type is the
   * caller's word.
   *
   * @throws {SluiceError} `NO_TRANSPORT`, `ACTOR_NOT_FOUND` when nobody answered within `timeoutMs`
   */
  find<M>(system: string, path: string, options?: Pick<AskOptions, "timeoutMs">): Promise<ActorRef<M>>;
  /** Stops an actor of this process for good, its children first; settles when that is done. */
  stop(ref: ActorRef<never>): Promise<void>;
  /** Settles when the actor has stopped for good. */
  whenStopped(ref: ActorRef<never>): Promise<StopReason>;
  /** All actors that have not stopped for good, parents before their children. */
  actors(): readonly ActorState[];
  /**
   * Lets work outside that control waits for, such as a few writes that must be durable, go ahead of data: until it settles,
   * data waits for up to 4 ms at a time, 10 ms at once, and a fiftieth of the time. Its outcome stays the caller's.
   */
  expedite(work: PromiseLike<unknown>): void;
  /** Stops all actors, the last started first, each with all its children; settles when that is done. */
  shutdown(): Promise<void>;
}

/** Creates an actor system. Nothing runs until an actor is spawned. */
export function createSystem(options: SystemOptions = {}): ActorSystem {
  return new LocalSystem(options);
}

class LocalSystem implements ActorSystem {
  readonly id: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly terminated: Promise<StopReason>;
  readonly #root: Cell<never>;
  readonly #questions = new Map<number, PendingQuestion>();
  readonly #askTimeoutMs: number;
  readonly #scheduler: Scheduler;
  readonly #remote: Remote | undefined;
  #stopped = false;

  constructor(options: SystemOptions) {
    const name = options.name ?? "sluice";
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      throw new SluiceError("BAD_NAME", `system ${JSON.stringify(name)}: a name has 1 to 64 letters, digits, "_" or "-"`);
    }
    const askTimeoutMs = options.askTimeoutMs ?? 5_000;
    if (!(askTimeoutMs >= 0)) {
      throw new SluiceError("OPTION_OUT_OF_RANGE", `system ${name}: askTimeoutMs must be at least 0, not ${askTimeoutMs}`);
    }
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom();
    this.id = `${name}-${this.random.id().slice(0, 12)}`;
    const logger = options.logger ?? silent;
    this.#scheduler = new Scheduler(this.clock, options.scheduler);
    let ids = 0;
    const home: Home = {
      id: this.id,
      system: this,
      clock: this.clock,
      random: this.random,
      scheduler: this.#scheduler,
      logger,
      askTimeoutMs,
      questions: this.#questions,
      actors: new Map(),
      nextId: () => ids++,
      deadLetter: (letter) => {
        logger({ level: "debug", from: letter.to, message: `dead letter: ${letter.reason}`, cause: letter.cause });
        options.onDeadLetter?.(letter);
      },
    };
    this.#askTimeoutMs = askTimeoutMs;
    this.#remote = options.remote && new Remote(home, name, options.remote);
    const { supervision, handlerTimeoutMs } = options;
    const rootOptions = cellOptions(name, { ...(supervision && { supervision }) }, handlerTimeoutMs ?? Infinity);
    this.#root = new Cell<never>(home, undefined, "", () => ({ receive: () => {} }), rootOptions);
    this.terminated = new Promise((resolve) => {
      this.#root.watchers.add({
        terminated: (reason) => {
          this.#close();
          resolve(reason);
        },
      });
    });
    this.#root.command({ kind: "start" });
  }

  spawn<M>(name: string, factory: Factory<M>, options?: SpawnOptions): ActorRef<M> {
    if (this.#stopped) throw new SluiceError("SYSTEM_STOPPED", `cannot spawn ${name}: the system ${this.id} has stopped`);
    return this.#root.spawn(name, factory, options);
  }

  refTo<M>(address: Address): ActorRef<M> {
    return this.#remoting().refTo(address) as ActorRef<M>;
  }

  async find<M>(system: string, path: string, options: Pick<AskOptions, "timeoutMs"> = {}): Promise<ActorRef<M>> {
    return await this.#remoting().find(system, path, options.timeoutMs ?? this.#askTimeoutMs) as ActorRef<M>;
  }

  async stop(ref: ActorRef<never>): Promise<void> {
    const cell = actorOf(ref);
    if (cell === undefined || cell.home.system !== this) {
      throw new SluiceError("NOT_A_CHILD", `${this.id} cannot stop ${ref}: it belongs to another system`);
    }
    cell.stopForGood();
    await this.whenStopped(ref);
  }

  whenStopped(ref: ActorRef<never>): Promise<StopReason> {
    return new Promise((resolve, reject) => {
      const target = watchedBy(ref);
      if (target === undefined) reject(new SluiceError("NOT_WATCHABLE", `${this.id} cannot watch ${ref}`));
      else target.add({ terminated: resolve });
    });
  }

  actors(): readonly ActorState[] {
    return this.#root.describe();
  }

  expedite(work: PromiseLike<unknown>): void {
    this.#scheduler.expedite(work);
  }

  async shutdown(): Promise<void> {
    this.#stopped = true;
    this.#root.command({ kind: "stop", reason: { kind: "shutdown" }, final: true });
    await this.terminated;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #remoting(): Remote {
    if (this.#remote !== undefined) return this.#remote;
    throw new SluiceError("NO_TRANSPORT", `the system ${this.id} stands alone; create it with the option remote`);
  }

  #close(): void {
    this.#stopped = true;
    this.#remote?.close();
    for (const question of [...this.#questions.values()]) {
      question[refuse](new SluiceError("SYSTEM_STOPPED", `the system ${this.id} has stopped`));
    }
  }
}
