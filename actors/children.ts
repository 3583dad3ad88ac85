import type { ActorState } from "./actor_state.ts";
import type { StopReason } from "./behavior.ts";
import type { Clock, Timer } from "./clock.ts";
import { SluiceError } from "./error.ts";
import type { Random } from "./random.ts";
import {
  noRestarts,
  onChildExit,
  type RestartHistory,
  type SupervisedChild,
  type SupervisionPolicy,
  type SupervisionStep,
} from "./supervisor.ts";

/** What a supervisor tells a child. */
export type ChildCommand =
  | { readonly kind: "start" }
  /** `final`: it is not restarted, whatever its restart type says. */
  | { readonly kind: "stop"; readonly reason: StopReason; readonly final: boolean };

/** What a supervisor learns about its children. `life` counts a child's lives from 1. */
export type ChildReport =
  | { readonly kind: "child-started"; readonly child: number }
  | {
    readonly kind: "child-exited";
    readonly child: number;
    readonly life: number;
    readonly reason: StopReason;
    readonly final: boolean;
  }
  | { readonly kind: "restart-due"; readonly children: readonly number[]; readonly token: number };

/** A child, as the executor of supervision needs it. */
export interface Child extends SupervisedChild {
  readonly path: string;
  readonly lives: number;
  /** Whether it has no life now, or a start of it has not been carried out yet. */
  readonly isDown: boolean;
  command(command: ChildCommand): void;
  describe(): ActorState[];
  /** It never comes back. */
  bury(reason: StopReason): void;
}

/** The supervisor, as the executor needs it. */
export interface Owner {
  readonly path: string;
  readonly home: { readonly clock: Clock; readonly random: Random };
  command(report: ChildReport): void;
  /** Ends with its children, with reason `shutdown`. */
  shutDown(): void;
  fail(cause: unknown): void;
}

interface Entry {
  readonly child: Child;
  readonly name: string;
  reason: StopReason;
  /** Exits of this life and older ones are dealt with. */
  settledLife: number;
  /** Which delayed start it waits for; 0 for none. */
  token: number;
}

const shutdown: StopReason = { kind: "shutdown" };

/**
 * Carries out what {@link onChildExit} decides for the children of one actor: one step after the other, an exit that comes
 * meanwhile is decided on afterwards. A delayed start does not hold up other steps.
 */
export class Children {
  readonly #owner: Owner;
  readonly #policy: SupervisionPolicy;
  readonly #entries = new Map<number, Entry>();
  readonly #names = new Map<string, Entry>();
  readonly #delays = new Map<number, Timer>();
  #random: Random | undefined;
  #history: RestartHistory = noRestarts;
  #steps: SupervisionStep[] = [];
  #exits: Entry[] = [];
  #awaiting: { readonly kind: "stop" | "start"; readonly child: number } | undefined;
  #token = 0;
  #closing: { readonly left: Entry[]; readonly done: () => void } | undefined;

  constructor(owner: Owner, policy: SupervisionPolicy) {
    this.#owner = owner;
    this.#policy = policy;
  }

  /** Whether a child of this name can be taken in now. */
  check(name: string, { restart, significant }: Pick<SupervisedChild, "restart" | "significant">): void {
    if (significant && (restart === "permanent" || this.#policy.autoShutdown === "never")) {
      const why = restart === "permanent" ? "a permanent child always comes back" : "its supervisor's autoShutdown is never";
      throw new SluiceError("OPTION_OUT_OF_RANGE", `actor ${name}: it cannot be significant: ${why}`);
    }
    if (name === "" || name.length > 255 || /[/\p{Cc}]/u.test(name) || !name.isWellFormed()) {
      const shown = JSON.stringify(name);
      throw new SluiceError("BAD_NAME", `${shown}: a name has 1 to 255 characters, none of them "/" or a control character`);
    }
    if (this.#names.has(name)) {
      throw new SluiceError("NAME_TAKEN", `${this.#owner.path || "the system"} has a child ${JSON.stringify(name)} already`);
    }
  }

  /** Takes a child in; it is last in start order. `start` says who starts it: it at once, or a later `startInOrder`. */
  adopt(name: string, child: Child, start: "now" | "later"): void {
    const entry: Entry = { child, name, reason: shutdown, settledLife: 0, token: 0 };
    this.#entries.set(child.id, entry);
    this.#names.set(name, entry);
    if (start === "now") child.command({ kind: "start" });
  }

  /** Starts children, each when the start of the one before is over. */
  startInOrder(children: readonly number[]): void {
    this.#steps.push({ kind: "start", children, delayMs: 0 });
    this.#run();
  }

  started(child: number): void {
    if (this.#awaiting?.kind !== "start" || this.#awaiting.child !== child) return;
    this.#awaiting = undefined;
    this.#run();
  }

  exited(child: number, life: number, reason: StopReason, final: boolean): void {
    const entry = this.#entries.get(child);
    if (entry === undefined || (life <= entry.settledLife && !final)) return;
    entry.settledLife = life;
    entry.reason = reason;
    entry.token = 0;
    if (this.#closing !== undefined) {
      this.#forget(entry);
      if (!this.#closeNext(this.#closing.left)) this.#closing.done();
      return;
    }
    const awaited = this.#awaiting?.child === child ? this.#awaiting.kind : undefined;
    if (awaited !== undefined) this.#awaiting = undefined;
    if (final) this.#forget(entry);
    else if (awaited !== "stop") this.#exits.push(entry);
    this.#run();
  }

  restartDue(children: readonly number[], token: number): void {
    this.#delays.delete(token);
    const due = children.filter((child) => this.#entries.get(child)?.token === token);
    this.#steps.push({ kind: "start", children: due, delayMs: 0 });
    this.#run();
  }

  /** Stops all, the last started first. False when there is nothing to wait for; otherwise `done` is called. */
  stopAll(done: () => void): boolean {
    if (this.#closing === undefined) {
      for (const timer of this.#delays.values()) timer.cancel();
      this.#delays.clear();
      this.#steps = [];
      this.#exits = [];
      this.#awaiting = undefined;
      this.#closing = { left: [...this.#entries.values()], done };
    }
    return this.#closeNext(this.#closing.left);
  }

  describe(): ActorState[] {
    return [...this.#entries.values()].flatMap(({ child }) => child.describe());
  }

  #closeNext(left: Entry[]): boolean {
    for (let last = left.at(-1); last !== undefined; last = left.at(-1)) {
      if (!this.#entries.has(last.child.id)) left.pop();
      else if (last.child.isDown) this.#forget(last);
      else {
        last.child.command({ kind: "stop", reason: shutdown, final: true });
        return true;
      }
    }
    return false;
  }

  #run(): void {
    while (this.#awaiting === undefined) {
      const step = this.#steps.shift();
      if (step !== undefined) {
        this.#execute(step);
        continue;
      }
      const exit = this.#exits.shift();
      if (exit === undefined) return;
      this.#decide(exit);
    }
  }

  #decide(entry: Entry): void {
    const { clock } = this.#owner.home;
    this.#random ??= this.#owner.home.random.fork(`supervision/${this.#owner.path}`);
    const children = this.#children();
    const exit = { child: entry.child, reason: entry.reason.kind };
    const { history, steps } = onChildExit(
      this.#policy,
      this.#history,
      children,
      exit,
      clock.monotonic(),
      this.#random.next(),
    );
    this.#history = history;
    if (steps[0]?.kind === "escalate") {
      const { maxRestarts, windowMs } = this.#policy;
      const cause = entry.reason.kind === "failed" ? entry.reason.cause : undefined;
      const message = `${entry.child.path} exited again after ${maxRestarts} restarts within ${windowMs} ms`;
      this.#owner.fail(new SluiceError("RESTART_INTENSITY", message, { cause }));
      return;
    }
    this.#steps.push(...steps);
  }

  *#children(): Generator<SupervisedChild> {
    for (const { child } of this.#entries.values()) yield child;
  }

  #execute(step: SupervisionStep): void {
    switch (step.kind) {
      case "stop": {
        const entry = this.#entries.get(step.child);
        if (entry === undefined) return;
        this.#exits = this.#exits.filter((exit) => exit !== entry);
        entry.token = 0;
        entry.settledLife = entry.child.isDown ? entry.child.lives : entry.settledLife;
        if (entry.child.isDown) return;
        this.#awaiting = { kind: "stop", child: step.child };
        entry.child.command({ kind: "stop", reason: shutdown, final: false });
        return;
      }
      case "forget": {
        const entry = this.#entries.get(step.child);
        if (entry !== undefined) this.#forget(entry);
        return;
      }
      case "start":
        return step.delayMs > 0 ? this.#startLater(step.children, step.delayMs) : this.#start(step.children);
      case "shut-down":
        return this.#owner.shutDown();
      case "escalate":
        return;
      default:
        return step satisfies never;
    }
  }

  #startLater(children: readonly number[], delayMs: number): void {
    const token = ++this.#token;
    for (const child of children) {
      const entry = this.#entries.get(child);
      if (entry !== undefined) entry.token = token;
    }
    const due = () => this.#owner.command({ kind: "restart-due", children, token });
    this.#delays.set(token, this.#owner.home.clock.setTimer(delayMs, due));
  }

  #start(children: readonly number[]): void {
    const [first, ...rest] = children;
    if (first === undefined) return;
    const entry = this.#entries.get(first);
    if (rest.length > 0) this.#steps.unshift({ kind: "start", children: rest, delayMs: 0 });
    if (entry === undefined || !entry.child.isDown) return;
    if (rest.length > 0) this.#awaiting = { kind: "start", child: first };
    entry.token = 0;
    entry.child.command({ kind: "start" });
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.child.id);
    this.#names.delete(entry.name);
    entry.child.bury(entry.reason);
  }
}
