import type { ActorContext, ChildSpec, Factory, Signal, SpawnOptions } from "./behavior.ts";
import type { Cell } from "./cell.ts";
import type { Clock, Timer } from "./clock.ts";
import { SluiceError } from "./error.ts";
import { actorOf } from "./local_ref.ts";
import type { LogLevel } from "./logger.ts";
import type { Random } from "./random.ts";
import type { ActorRef } from "./ref.ts";
import { Ring } from "./ring.ts";
import type { ActorSystem } from "./system.ts";
import { TimerMessage } from "./timer_message.ts";
import { Watch, watchedBy } from "./watch.ts";

/** Why signals are aborted: one for all, since making it, with its stack, costs more than ending an actor. */
const over = new DOMException("this life of the actor is over", "AbortError");

/** What an actor holds in one life, and gives back at its end. */
export class LifeContext<M> implements ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly path: string;
  readonly #cell: Cell<M>;
  readonly #timers = new Set<TimerMessage<M>>();
  readonly #watches = new Map<string, Watch>();
  readonly #stash = new Ring<M>();
  #random: Random | undefined;
  #abort: AbortController | undefined;
  #silence: Timer | undefined;
  #phase: "live" | "ending" | "over" = "live";

  constructor(cell: Cell<M>) {
    this.#cell = cell;
    this.self = cell.ref;
    this.path = cell.path;
  }

  get system(): ActorSystem {
    return this.#cell.home.system;
  }

  get clock(): Clock {
    return this.#cell.home.clock;
  }

  get random(): Random {
    return this.#random ??= this.#cell.home.random.fork(`actor/${this.path}#${this.#cell.lives}`);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#phase !== "live") this.#abort.abort(over);
    return this.#abort.signal;
  }

  log(level: LogLevel, message: string, cause?: unknown): void {
    this.#cell.log(level, message, cause);
  }

  spawn<C>(name: string, factory: Factory<C>, options?: SpawnOptions): ActorRef<C> {
    this.#mustLive("spawn");
    return this.#cell.spawn(name, factory, options);
  }

  spawnInOrder<const Ms extends readonly unknown[]>(
    children: readonly [...{ [I in keyof Ms]: ChildSpec<Ms[I]> }],
  ): { readonly [I in keyof Ms]: ActorRef<Ms[I]> } {
    this.#mustLive("spawnInOrder");
    const refs: readonly unknown[] = this.#cell.spawnInOrder(children as readonly unknown[] as readonly ChildSpec<never>[]);
    return refs as { readonly [I in keyof Ms]: ActorRef<Ms[I]> };
  }

  stop(child?: ActorRef<never>): void {
    if (this.#phase === "over") this.#mustLive("stop");
    if (child === undefined) return this.#cell.stopSelf();
    const cell = actorOf(child);
    if (cell === undefined || cell.parent !== this.#cell) {
      throw new SluiceError("NOT_A_CHILD", `${this.path} cannot stop ${child}: it is not its child; use system.stop`);
    }
    cell.stopForGood();
  }

  watch(ref: ActorRef<never>): void {
    this.#mustLive("watch");
    if (!this.#cell.takesSignals) {
      throw new SluiceError("NO_SIGNAL_HANDLER", `${this.path} watches ${ref} but its behaviour has no signal method`);
    }
    const target = watchedBy(ref);
    if (target === undefined) throw new SluiceError("NOT_WATCHABLE", `${this.path} cannot watch ${ref}`);
    const key = String(ref);
    if (this.#watches.has(key)) return;
    const watch = new Watch(ref, (due) => this.#cell.post(due));
    this.#watches.set(key, watch);
    target.add(watch);
  }

  unwatch(ref: ActorRef<never>): void {
    const watch = this.#watches.get(String(ref));
    if (watch === undefined) return;
    this.#watches.delete(String(ref));
    watch.cancel();
    watchedBy(ref)?.remove(watch);
  }

  /** The signal of a watch whose turn has come; `undefined` when it was taken back. */
  signalOf(watch: Watch): Signal | undefined {
    const { signal } = watch;
    if (signal !== undefined) this.#watches.delete(String(watch.ref));
    return signal;
  }

  setTimer(delayMs: number, message: M): Timer {
    this.#mustLive("setTimer");
    return new TimerMessage(this.clock, delayMs, message, this.#timers, (due) => this.#cell.post(due));
  }

  setReceiveTimeout(timeoutMs: number | undefined, message?: M): void {
    this.#mustLive("setReceiveTimeout");
    this.#silence?.cancel();
    this.#silence = undefined;
    if (timeoutMs === undefined) return;
    const received = this.#cell.received;
    this.#silence = this.clock.setTimer(timeoutMs, () => {
      if (this.#cell.received === received && !this.#cell.busy) this.setTimer(0, message as M);
      this.setReceiveTimeout(timeoutMs, message);
    });
  }

  stash(message: M): void {
    this.#mustLive("stash");
    if (this.#stash.length >= this.#cell.capacity) {
      throw new SluiceError(
        "STASH_FULL",
        `${this.path} has put ${this.#stash.length} messages aside; unstash, or raise capacity`,
      );
    }
    this.#stash.push(message);
  }

  unstash(): void {
    this.#mustLive("unstash");
    this.#cell.putBack(this.#stash.drain());
  }

  progress(): void {
    if (this.#phase === "live") this.#cell.pending.renew();
  }

  fail(cause: unknown): void {
    if (this.#phase === "over") this.#mustLive("fail");
    this.#cell.fail(cause);
  }

  attend(work: PromiseLike<unknown>): void {
    this.#mustLive("attend");
    work.then(undefined, (cause: unknown) => {
      if (this.#phase === "live") this.#cell.fail(cause);
      else this.#cell.log("warn", "work of a life that is over has rejected", cause);
    });
  }

  /** The life is ending: nothing new may be begun. */
  end(): void {
    if (this.#phase === "live") this.#phase = "ending";
    this.#silence?.cancel();
    for (const timer of this.#timers) timer.cancel();
    for (const watch of this.#watches.values()) {
      watch.cancel();
      watchedBy(watch.ref)?.remove(watch);
    }
    this.#watches.clear();
    this.#abort?.abort(over);
  }

  /** The life is over. Returns what was put aside. */
  close(): readonly M[] {
    this.#phase = "over";
    return this.#stash.drain();
  }

  #mustLive(what: string): void {
    if (this.#phase === "live") return;
    throw new SluiceError("STALE_CONTEXT", `${this.path}: ${what} has no effect, this life of the actor is over or ending`);
  }
}
