import type { TSchema } from "@sinclair/typebox";
import type { ActorState, Phase } from "./actor_state.ts";
import type { Behavior, ChildSpec, Factory, LaneBehavior, LaneHost, SpawnOptions, StopReason } from "./behavior.ts";
import { type Child, type ChildCommand, Children, type ChildReport, type Owner } from "./children.ts";
import { LifeContext } from "./context.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import { sendDeadLetter } from "./home.ts";
import { SluiceError } from "./error.ts";
import { hasLane, isPromise } from "./handler.ts";
import type { Home } from "./home.ts";
import { LocalRef } from "./local_ref.ts";
import type { LogLevel } from "./logger.ts";
import { type ControlItem, isMessage, Mailbox } from "./mailbox.ts";
import { Pending, type Waiting } from "./pending.ts";
import type { ActorRef } from "./ref.ts";
import { Ring } from "./ring.ts";
import { firstBudget, type Runnable, type Scheduler } from "./scheduler.ts";
import { type CellOptions, cellOptions } from "./spawn_options.ts";
import type { Restart } from "./supervisor.ts";
import { TimerMessage } from "./timer_message.ts";
import { Watch, Watchers } from "./watch.ts";

/** What the runtime tells a cell. Commands are carried out before control, also while a handler is pending. */
type Command = ChildCommand | ChildReport | { readonly kind: "advance" };

/**
 * One actor: its mailbox of two lanes, its life, its children. It outlives restarts: each life has a behaviour and a context
 * of its own, the ref, the unread messages and the watchers stay.
 *
 * The control lane never refuses and is emptied before a data turn; the data lane is the {@link Inbox} or, for a
 * {@link LaneBehavior}, its own. While a promise is pending neither is served, except for urgent control.
 */
export class Cell<M> implements Runnable, LaneHost, Owner, Child, Waiting {
  inControl = false;
  inData = false;
  budget = firstBudget;
  /** Messages served so far, timers not counted. */
  received = 0;
  lives = 0;
  /** What a message from another process must fit: the present behaviour's, or the last one's. */
  schema: TSchema | undefined;

  readonly home: Home;
  readonly path: string;
  readonly id: number;
  readonly ref: ActorRef<M>;
  readonly parent: Owner | undefined;
  readonly restart: Restart;
  readonly significant: boolean;
  readonly watchers = new Watchers();

  /** Live and nothing pending: both lanes may be served. */
  private open = false;
  private readonly mailbox: Mailbox<M>;
  private readonly commands = new Ring<Command>();
  private readonly scheduler: Scheduler;

  private phase: Phase = "down";
  private behavior: Behavior<M> | LaneBehavior<M> | undefined;
  private context: LifeContext<M> | undefined;
  private reason: StopReason = { kind: "normal" };
  private final = false;
  private failing = false;
  /** Carrying out commands: those that come meanwhile need no turn of their own. */
  private obeying = false;
  private stopCalled = false;
  readonly pending: Pending;
  private children: Children | undefined;
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
    this.significant = options.significant;
    home.actors.set(this.id, this);
    this.mailbox = new Mailbox(options.capacity, home.scheduler);
    this.pending = new Pending(home.clock, this);
  }

  get capacity(): number {
    return this.options.capacity;
  }

  get takesSignals(): boolean {
    return this.behavior?.signal !== undefined;
  }

  /** Whether a handler is pending or a message waits. */
  get busy(): boolean {
    return this.pending.count > 0 || this.mailbox.lane.ready;
  }

  get isDown(): boolean {
    return this.phase === "down";
  }

  // ---- the mailbox's outer side

  tell(message: M): void {
    const { inbox } = this.mailbox;
    if (inbox === undefined) this.post(message);
    else if (!inbox.offer(message)) this.overflow(message);
    else if (this.open && !this.inData) this.scheduler.queueData(this);
  }

  private overflow(message: M): void {
    const { capacity, overflow } = this.options;
    if (overflow === "fail") {
      throw new SluiceError("MAILBOX_FULL", `${this.ref} has ${capacity} messages waiting; slow down, or raise its capacity`);
    }
    this.letter(this.mailbox.displace(message, overflow), "full");
  }

  /** Puts something into the control lane. */
  post(item: ControlItem<M>): void {
    if (this.phase === "dead") {
      if (isMessage(item)) this.letter(item, "stopped");
      return;
    }
    this.mailbox.control.push(item);
    if (this.open || this.isUrgent(item)) this.scheduler.queueControl(this);
  }

  command(command: Command): void {
    this.commands.push(command);
    if (!this.obeying) this.scheduler.queueControl(this);
  }

  /** Messages that had been put aside come back to the front. */
  putBack(messages: readonly M[]): void {
    this.mailbox.putBack(messages);
    if (this.open) this.resume();
  }

  // ---- turns

  get interrupted(): boolean {
    return this.scheduler.interrupted;
  }

  wake(): void {
    if (this.open && !this.inData && this.mailbox.lane.ready) this.scheduler.queueData(this);
  }

  controlTurn(): void {
    this.obeying = true;
    for (let command = this.commands.shift(); command !== undefined; command = this.commands.shift()) this.obey(command);
    this.obeying = false;
    const { control } = this.mailbox;
    // What comes meanwhile waits for the next turn, so that no actor can keep the loop by telling itself.
    let left = control.length;
    let passed: ControlItem<M>[] | undefined;
    try {
      for (; left > 0; left--) {
        const item = control.shift()!;
        if (this.open || this.isUrgent(item)) this.serve(item);
        else (passed ??= []).push(item);
      }
    } catch (error) {
      this.fail(error);
    }
    if (passed !== undefined) { for (const item of passed.toReversed()) control.unshift(item); }
    if (this.open) this.resume();
  }

  dataTurn(maxSteps: number): number {
    if (!this.open) return 0;
    let steps = 1;
    try {
      const outcome = this.mailbox.lane.run(maxSteps);
      if (typeof outcome === "number") steps = outcome;
      else this.pend(outcome);
    } catch (error) {
      this.fail(error);
    }
    this.received += steps;
    if (this.open && this.mailbox.lane.ready) this.scheduler.queueData(this);
    return steps;
  }

  private serve(item: ControlItem<M>): void {
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
      this.mailbox.controlInHand = message;
      outcome = hasLane(behavior) ? behavior.control(message, context) : behavior.receive(message, context);
    }
    if (outcome !== undefined && isPromise(outcome)) this.pend(outcome);
    else this.mailbox.controlInHand = undefined;
  }

  private isUrgent(item: ControlItem<M>): boolean {
    const behavior = this.behavior;
    if (this.pending.count === 0 || this.phase !== "live" || this.failing) return false;
    if (behavior === undefined || !hasLane(behavior) || behavior.urgent === undefined) return false;
    if (!isMessage(item)) return false;
    try {
      return behavior.urgent(item);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private resume(): void {
    if (this.mailbox.control.length > 0) this.scheduler.queueControl(this);
    if (!this.inData && this.mailbox.lane.ready) this.scheduler.queueData(this);
  }

  // ---- waiting for promises

  private pend(promise: PromiseLike<unknown>): void {
    this.open = false;
    this.pending.add(promise, this.options.handlerTimeoutMs);
  }

  settled(): void {
    if (this.phase === "ending") return this.command({ kind: "advance" });
    if (this.failing) return;
    this.mailbox.handled();
    if (this.phase === "starting") return this.started();
    this.open = true;
    this.resume();
  }

  rejected(cause: unknown): void {
    this.fail(cause);
  }

  rejectedLate(cause: unknown): void {
    this.log("warn", "a handler that was given up has rejected", cause);
  }

  overdue(limitMs: number): void {
    if (this.phase === "ending") {
      this.log("warn", `did not stop within ${limitMs} ms and was abandoned`);
      this.pending.giveUp();
      this.command({ kind: "advance" });
    } else {
      this.fail(new SluiceError("HANDLER_TIMEOUT", `${this.path}: a handler was still pending after ${limitMs} ms`));
      this.pending.giveUp();
    }
  }

  // ---- life and death

  spawn<C>(name: string, factory: Factory<C>, options?: SpawnOptions): ActorRef<C> {
    return this.adopt(name, factory, this.checked(name, options), "now").ref;
  }

  spawnInOrder(specs: readonly ChildSpec<never>[]): readonly ActorRef<never>[] {
    const names = new Set<string>();
    const all = specs.map(({ name, factory, ...options }) => {
      if (names.has(name)) throw new SluiceError("NAME_TAKEN", `two children are to be called ${JSON.stringify(name)}`);
      names.add(name);
      return { name, factory, options: this.checked(name, options) };
    });
    const cells = all.map(({ name, factory, options }) => this.adopt(name, factory, options, "later"));
    this.children?.startInOrder(cells.map((cell) => cell.id));
    return cells.map((cell) => cell.ref);
  }

  /** Throws when a child cannot be spawned so; nothing has happened then. */
  private checked(name: string, options: SpawnOptions = {}): CellOptions {
    const checked = cellOptions(name, options, this.options.handlerTimeoutMs);
    this.children ??= new Children(this, this.options.supervision);
    this.children.check(name, checked);
    return checked;
  }

  private adopt<C>(name: string, factory: Factory<C>, options: CellOptions, start: "now" | "later"): Cell<C> {
    const cell = new Cell(this.home, this, name, factory, options);
    this.children!.adopt(name, cell, start);
    return cell;
  }

  stopSelf(): void {
    this.command({ kind: "stop", reason: { kind: "normal" }, final: false });
  }

  stopForGood(): void {
    this.command({ kind: "stop", reason: { kind: "normal" }, final: true });
  }

  shutDown(): void {
    this.command({ kind: "stop", reason: { kind: "shutdown" }, final: false });
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
      this.schema = behavior.schema;
      if (hasLane(behavior)) this.mailbox.attachLane(() => behavior.lane(this, context));
      else this.mailbox.attach(behavior, context);
      const outcome = behavior.start?.(context);
      if (isPromise(outcome)) this.pend(outcome);
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
    if (this.phase === "down") return this.report(reason);
    if (this.phase === "ending" || this.phase === "dead") return;
    this.phase = "ending";
    this.open = false;
    this.reason = reason;
    this.context?.end();
    if (this.pending.count > 0) this.pending.limit(this.options.shutdownMs);
    if (reason.kind === "failed") {
      for (const message of this.mailbox.takeInHand()) this.letter(message, "failed", reason.cause);
    }
    this.advance();
  }

  /** The next step of ending: pending handler, children in reverse order, `stop`, over. */
  private advance(): void {
    if (this.pending.count > 0) return;
    if (this.children?.stopAll(() => this.advance())) return;
    const { behavior, context } = this;
    if (behavior !== undefined && context !== undefined && !this.stopCalled) {
      this.stopCalled = true;
      try {
        const outcome = behavior.stop?.(this.reason, context);
        if (isPromise(outcome)) return this.pending.add(this.scheduler.expedite(outcome), this.options.shutdownMs);
      } catch (error) {
        this.log("warn", "failed in stop", error);
      }
    }
    this.over();
  }

  private over(): void {
    this.pending.giveUp();
    this.mailbox.putBack(this.context?.close() ?? []);
    if (this.mailbox.inbox === undefined) this.closeLane();
    this.behavior = undefined;
    this.context = undefined;
    this.children = undefined;
    this.phase = "down";
    if (this.parent === undefined) this.bury(this.reason);
    else this.report(this.reason);
  }

  private closeLane(): void {
    try {
      for (const unread of this.mailbox.lane.close()) this.letter(unread, "stopped");
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
    this.home.actors.delete(this.id);
    for (const message of this.mailbox.close()) this.letter(message, "stopped");
    this.watchers.announce(reason);
  }

  // ---- saying what happened

  log(level: LogLevel, message: string, cause?: unknown): void {
    this.home.logger({ level, from: this.path, message, ...(cause === undefined ? {} : { cause }) });
  }

  describe(): ActorState[] {
    const own: ActorState = {
      path: this.path,
      phase: this.phase,
      pending: this.pending.count > 0,
      ready: this.mailbox.lane.ready,
      control: this.mailbox.control.length,
      lives: this.lives,
    };
    return [...(this.path === "" ? [] : [own]), ...(this.children?.describe() ?? [])];
  }

  private letter(message: unknown, reason: DeadLetterReason, cause?: unknown): void {
    sendDeadLetter(this.home, this.ref, message, reason, cause);
  }
}
