import type { Asking } from "./ask.ts";
import { refuseQuestion } from "./ask.ts";
import type { Behavior, ChildSpec, Factory, LaneBehavior, LaneHost, SpawnOptions, StopReason } from "./behavior.ts";
import { type Child, type ChildCommand, Children, type ChildReport, type Owner } from "./children.ts";
import type { Timer } from "./clock.ts";
import { LifeContext, TimerMessage } from "./context.ts";
import type { DeadLetter, DeadLetterReason } from "./dead_letter.ts";
import { SluiceError } from "./error.ts";
import { isPromise } from "./handler.ts";
import { Inbox } from "./inbox.ts";
import type { DataLane } from "./lane.ts";
import { LocalRef } from "./local_ref.ts";
import type { Logger, LogLevel } from "./logger.ts";
import type { Random } from "./random.ts";
import type { ActorRef } from "./ref.ts";
import { Ring } from "./ring.ts";
import { firstBudget, type Runnable, type Scheduler } from "./scheduler.ts";
import { type CellOptions, cellOptions } from "./spawn_options.ts";
import type { Restart } from "./supervisor.ts";
import type { ActorSystem } from "./system.ts";
import { Watch, type Watched, type Watcher } from "./watch.ts";

/** What all cells of a system share. */
export interface Home extends Asking {
  readonly id: string;
  readonly system: ActorSystem;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  deadLetter(letter: DeadLetter): void;
}

/** What the runtime tells a cell. Commands are carried out before control, also while a handler is pending. */
type Command = ChildCommand | ChildReport | { readonly kind: "advance" };

/**
 * Where a cell is. `down`: no life, one may begin; `starting`: `start` is pending; `live`; `ending`: the pending handler, then
 * the children, then `stop` are waited for; `dead`: for good.
 */
export type Phase = "down" | "starting" | "live" | "ending" | "dead";

/** What can be seen of an actor from outside. */
export interface ActorState {
  readonly path: string;
  readonly phase: Phase;
  /** Whether a promise of its handler is pending. */
  readonly pending: boolean;
  /** Whether its data lane could go on. */
  readonly ready: boolean;
  /** How many control messages wait. */
  readonly control: number;
  /** How often it was started. */
  readonly lives: number;
}

/**
 * One actor: its mailbox of two lanes, its life, its children. It outlives restarts: each life has a behaviour and a context
 * of its own, the ref, the unread messages and the watchers stay.
 *
 * The control lane never refuses and is emptied before a data turn; the data lane is the {@link Inbox} or, for a
 * {@link LaneBehavior}, its own. While a promise is pending neither is served, except for urgent control.
 */
export class Cell<M> implements Runnable, LaneHost, Watched, Owner, Child {
  inControl = false;
  inData = false;
  budget = firstBudget;
  /** Messages served so far, timers not counted. */
  received = 0;
  lives = 0;

  readonly home: Home;
  readonly path: string;
  readonly id: number;
  readonly ref: ActorRef<M>;
  readonly parent: Owner | undefined;
  readonly restart: Restart;

  /** Live and nothing pending: both lanes may be served. */
  private open = false;
  private inbox: Inbox<M> | undefined;
  private lane: DataLane;
  private readonly control = new Ring<M | TimerMessage<M> | Watch>();
  private readonly commands = new Ring<Command>();
  private readonly scheduler: Scheduler;

  private phase: Phase = "down";
  private behavior: Behavior<M> | LaneBehavior<M> | undefined;
  private context: LifeContext<M> | undefined;
  private controlInHand: M | undefined;
  private reason: StopReason = { kind: "normal" };
  private final = false;
  private failing = false;
  private stopCalled = false;
  private pending = 0;
  /** Grows when what is pending is given up, so that its outcome no longer counts. */
  private generation = 0;
  private limit: Timer | undefined;
  private children: Children | undefined;
  private readonly watchers = new Set<Watcher>();
  private readonly factory: Factory<M>;
  private readonly options: CellOptions;

  constructor(home: Home, parent: Owner | undefined, name: string, factory: Factory<M>, options: CellOptions) {
    this.home = home;
    this.scheduler = home.scheduler;
    this.parent = parent;
    this.path = parent === undefined || parent.path === "" ? name : `${parent.path}/${name}`;
    this.id = home.nextId();
    this.ref = new LocalRef<M>({ system: home.id, path: this.path, id: this.id }, this);
    this.factory = factory;
    this.options = options;
    this.restart = options.restart;
    this.inbox = new Inbox(options.capacity, home.scheduler);
    this.lane = this.inbox;
  }

  get capacity(): number {
    return this.options.capacity;
  }

  get takesSignals(): boolean {
    return this.behavior?.signal !== undefined;
  }

  get isDown(): boolean {
    return this.phase === "down";
  }

  // ---- the mailbox's outer side

  tell(message: M): void {
    const inbox = this.inbox;
    if (inbox === undefined) this.post(message);
    else if (!inbox.offer(message)) this.overflow(inbox, message);
    else if (this.open && !this.inData) this.scheduler.queueData(this);
  }

  private overflow(inbox: Inbox<M>, message: M): void {
    switch (this.options.overflow) {
      case "fail": {
        const { capacity } = this.options;
        throw new SluiceError("MAILBOX_FULL", `${this.ref} has ${capacity} messages waiting; slow down, or raise its capacity`);
      }
      case "drop-newest":
        return this.letter(message, "full");
      case "drop-oldest":
        this.letter(inbox.dropOldest(), "full");
        inbox.offer(message);
        return;
      default:
        return this.options.overflow satisfies never;
    }
  }

  /** Puts something into the control lane. */
  post(item: M | TimerMessage<M> | Watch): void {
    if (this.phase === "dead") {
      if (!(item instanceof TimerMessage || item instanceof Watch)) this.letter(item, "stopped");
      return;
    }
    this.control.push(item);
    if (this.open || this.isUrgent(item)) this.scheduler.queueControl(this);
  }

  command(command: Command): void {
    this.commands.push(command);
    this.scheduler.queueControl(this);
  }

  /** Messages that had been put aside come back to the front. */
  putBack(messages: readonly M[]): void {
    for (const message of messages.toReversed()) {
      if (this.inbox === undefined) this.control.unshift(message);
      else this.inbox.putBack(message);
    }
    if (this.open) this.resume();
  }

  // ---- turns

  get interrupted(): boolean {
    return this.scheduler.interrupted;
  }

  wake(): void {
    if (this.open && !this.inData && this.lane.ready) this.scheduler.queueData(this);
  }

  controlTurn(): void {
    for (let command = this.commands.shift(); command !== undefined; command = this.commands.shift()) this.obey(command);
    // What comes meanwhile waits for the next turn, so that no actor can keep the loop by telling itself.
    let left = this.control.length;
    let passed: (M | TimerMessage<M> | Watch)[] | undefined;
    try {
      for (; left > 0; left--) {
        const item = this.control.shift()!;
        if (this.open || this.isUrgent(item)) this.serve(item);
        else (passed ??= []).push(item);
      }
    } catch (error) {
      this.fail(error);
    }
    if (passed !== undefined) { for (const item of passed.toReversed()) this.control.unshift(item); }
    if (this.open) this.resume();
  }

  dataTurn(maxSteps: number): number {
    if (!this.open) return 0;
    let steps = 1;
    try {
      const outcome = this.lane.run(maxSteps);
      if (typeof outcome === "number") steps = outcome;
      else this.pend(outcome, this.options.handlerTimeoutMs);
    } catch (error) {
      this.fail(error);
    }
    this.received += steps;
    if (this.open && this.lane.ready) this.scheduler.queueData(this);
    return steps;
  }

  private serve(item: M | TimerMessage<M> | Watch): void {
    const context = this.context!;
    const behavior = this.behavior!;
    let outcome: void | Promise<void>;
    if (item instanceof Watch) {
      const signal = context.signalOf(item);
      if (signal === undefined) return;
      outcome = behavior.signal!(signal, context);
    } else {
      const timed = item instanceof TimerMessage;
      if (timed && !item.take()) return;
      if (!timed) this.received++;
      const message = timed ? item.message : item;
      this.controlInHand = message;
      outcome = hasLane(behavior) ? behavior.control(message, context) : behavior.receive(message, context);
    }
    if (outcome !== undefined && isPromise(outcome)) this.pend(outcome, this.options.handlerTimeoutMs);
    else this.controlInHand = undefined;
  }

  private isUrgent(item: M | TimerMessage<M> | Watch): boolean {
    const behavior = this.behavior;
    if (this.pending === 0 || this.phase !== "live" || this.failing) return false;
    if (behavior === undefined || !hasLane(behavior) || behavior.urgent === undefined) return false;
    if (item instanceof TimerMessage || item instanceof Watch) return false;
    try {
      return behavior.urgent(item);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private resume(): void {
    if (this.control.length > 0) this.scheduler.queueControl(this);
    if (!this.inData && this.lane.ready) this.scheduler.queueData(this);
  }

  // ---- waiting for promises

  private pend(promise: PromiseLike<unknown>, limitMs: number): void {
    const generation = this.generation;
    this.pending++;
    this.open = false;
    if (this.limit === undefined && limitMs < Infinity) this.limitWait(limitMs);
    promise.then(
      () => {
        if (generation === this.generation) this.settled();
      },
      (error: unknown) => {
        if (generation !== this.generation) return this.log("warn", "a handler that was given up has rejected", error);
        this.fail(error);
        this.settled();
      },
    );
  }

  private settled(): void {
    if (--this.pending > 0) return;
    this.limit?.cancel();
    this.limit = undefined;
    if (this.phase === "ending") return this.command({ kind: "advance" });
    if (this.failing) return;
    this.controlInHand = undefined;
    if (this.inbox !== undefined) this.inbox.inHand = undefined;
    if (this.phase === "starting") return this.started();
    this.open = true;
    this.resume();
  }

  private limitWait(limitMs: number): void {
    this.limit?.cancel();
    this.limit = this.home.clock.setTimer(limitMs, () => {
      this.limit = undefined;
      if (this.phase === "ending") {
        this.log("warn", `did not stop within ${limitMs} ms and was abandoned`);
        this.giveUp();
        this.command({ kind: "advance" });
      } else {
        this.fail(new SluiceError("HANDLER_TIMEOUT", `${this.path}: a handler was still pending after ${limitMs} ms`));
        this.giveUp();
      }
    });
  }

  private giveUp(): void {
    this.generation++;
    this.pending = 0;
    this.limit?.cancel();
    this.limit = undefined;
  }

  // ---- life and death

  spawn<C>(name: string, factory: Factory<C>, options?: SpawnOptions): ActorRef<C> {
    return this.adopt(name, factory, options, "now").ref;
  }

  spawnInOrder(specs: readonly ChildSpec<never>[]): readonly ActorRef<never>[] {
    const cells = specs.map(({ name, factory, ...options }) => this.adopt(name, factory, options, "later"));
    this.children?.startInOrder(cells.map((cell) => cell.id));
    return cells.map((cell) => cell.ref);
  }

  private adopt<C>(name: string, factory: Factory<C>, options: SpawnOptions = {}, start: "now" | "later"): Cell<C> {
    const checked = cellOptions(name, options, this.options.handlerTimeoutMs);
    this.children ??= new Children(this, this.options.supervision);
    this.children.check(name);
    const cell = new Cell(this.home, this, name, factory, checked);
    this.children.adopt(name, cell, start);
    return cell;
  }

  stopSelf(): void {
    this.command({ kind: "stop", reason: { kind: "normal" }, final: false });
  }

  stopForGood(): void {
    this.command({ kind: "stop", reason: { kind: "normal" }, final: true });
  }

  /** Ends this life as failed. Takes no more messages from now on. */
  fail(cause: unknown): void {
    if (this.failing || this.phase === "down" || this.phase === "ending" || this.phase === "dead") {
      return this.log("warn", "failed while it was stopping", cause);
    }
    this.failing = true;
    this.open = false;
    this.log("error", "failed", cause);
    this.command({ kind: "stop", reason: { kind: "failed", cause }, final: false });
  }

  private obey(command: Command): void {
    switch (command.kind) {
      case "start":
        return this.phase === "down" ? this.begin() : undefined;
      case "stop":
        return this.end(command.reason, command.final);
      case "child-started":
        return this.children?.started(command.child);
      case "child-exited":
        return this.children?.exited(command.child, command.life, command.reason, command.final);
      case "restart-due":
        return this.children?.restartDue(command.children, command.token);
      case "advance":
        return this.phase === "ending" ? this.advance() : undefined;
      default:
        return command satisfies never;
    }
  }

  private begin(): void {
    this.lives++;
    this.phase = "starting";
    this.failing = false;
    this.stopCalled = false;
    const context = new LifeContext<M>(this);
    this.context = context;
    try {
      const behavior = this.factory();
      this.behavior = behavior;
      if (hasLane(behavior)) {
        // What was told before it was known to have a lane of its own is control, and older than what was told since.
        for (const message of this.inbox?.close().toReversed() ?? []) this.control.unshift(message);
        this.inbox = undefined;
        this.lane = behavior.lane(this, context);
      } else {
        this.inbox ??= new Inbox(this.options.capacity, this.scheduler);
        this.inbox.attach(behavior, context);
        this.lane = this.inbox;
      }
      const outcome = behavior.start?.(context);
      if (isPromise(outcome)) this.pend(outcome, this.options.handlerTimeoutMs);
      else this.started();
    } catch (error) {
      this.fail(error);
    }
  }

  private started(): void {
    this.phase = "live";
    this.open = true;
    this.parent?.command({ kind: "child-started", child: this.id });
    this.resume();
  }

  private end(reason: StopReason, final: boolean): void {
    this.final ||= final;
    if (this.phase === "down") {
      return this.report(reason);
    }
    if (this.phase === "ending" || this.phase === "dead") return;
    this.phase = "ending";
    this.open = false;
    this.reason = reason;
    this.context?.end();
    if (this.pending > 0) this.limitWait(this.options.shutdownMs);
    if (reason.kind === "failed") this.loseInHand(reason.cause);
    this.advance();
  }

  /** The next step of ending: pending handler, children in reverse order, `stop`, over. */
  private advance(): void {
    if (this.pending > 0) return;
    if (this.children?.stopAll(() => this.advance())) return;
    const { behavior, context } = this;
    if (behavior !== undefined && context !== undefined && !this.stopCalled) {
      this.stopCalled = true;
      try {
        const outcome = behavior.stop?.(this.reason, context);
        if (isPromise(outcome)) return this.pend(outcome, this.options.shutdownMs);
      } catch (error) {
        this.log("warn", "failed in stop", error);
      }
    }
    this.over();
  }

  private over(): void {
    this.giveUp();
    this.putBack(this.context?.close() ?? []);
    if (this.inbox === undefined) this.closeLane();
    this.behavior = undefined;
    this.context = undefined;
    this.children = undefined;
    this.phase = "down";
    if (this.parent === undefined) this.bury(this.reason);
    else this.report(this.reason);
  }

  private closeLane(): void {
    try {
      for (const unread of this.lane.close()) this.letter(unread, "stopped");
    } catch (error) {
      this.log("warn", "failed to close its data lane", error);
    }
  }

  private report(reason: StopReason): void {
    this.parent?.command({ kind: "child-exited", child: this.id, life: this.lives, reason, final: this.final });
  }

  /** The supervisor has decided: this actor never comes back. */
  bury(reason: StopReason): void {
    if (this.phase === "dead") return;
    this.phase = "dead";
    this.reason = reason;
    for (const item of this.control.drain()) {
      if (!(item instanceof TimerMessage || item instanceof Watch)) this.letter(item, "stopped");
    }
    const unread = this.inbox?.close() ?? [];
    this.inbox = undefined;
    for (const message of unread) this.letter(message, "stopped");
    for (const watcher of [...this.watchers]) watcher.terminated(reason);
    this.watchers.clear();
  }

  add(watcher: Watcher): void {
    if (this.phase === "dead") watcher.terminated(this.reason);
    else this.watchers.add(watcher);
  }

  remove(watcher: Watcher): void {
    this.watchers.delete(watcher);
  }

  // ---- saying what happened

  log(level: LogLevel, message: string, cause?: unknown): void {
    this.home.logger({ level, from: this.path, message, ...(cause === undefined ? {} : { cause }) });
  }

  describe(): ActorState[] {
    const own: ActorState = {
      path: this.path,
      phase: this.phase,
      pending: this.pending > 0,
      ready: this.lane.ready,
      control: this.control.length,
      lives: this.lives,
    };
    return [...(this.path === "" ? [] : [own]), ...(this.children?.describe() ?? [])];
  }

  private loseInHand(cause: unknown): void {
    for (const message of [this.controlInHand, this.inbox?.inHand]) {
      if (message !== undefined) this.letter(message, "failed", cause);
    }
    this.controlInHand = undefined;
    if (this.inbox !== undefined) this.inbox.inHand = undefined;
  }

  private letter(message: unknown, reason: DeadLetterReason, cause?: unknown): void {
    refuseQuestion(message, cause ?? new SluiceError("DEAD_LETTER", `${this.ref}: ${reason}`));
    this.home.deadLetter({ message, to: String(this.ref), reason, ...(cause === undefined ? {} : { cause }) });
  }
}

function hasLane<M>(behavior: Behavior<M> | LaneBehavior<M>): behavior is LaneBehavior<M> {
  return "lane" in behavior;
}
