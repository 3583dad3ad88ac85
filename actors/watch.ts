import type { Signal, StopReason } from "./behavior.ts";
import type { ActorRef } from "./ref.ts";

/** How the runtime reaches the death watch behind a ref. */
export const watched: unique symbol = Symbol("watched");

/** An actor, here or elsewhere, whose death can be waited for. */
export interface Watched {
  /** Calls `watcher.terminated` exactly once: when the actor has stopped for good, or now if it has. */
  add(watcher: Watcher): void;
  remove(watcher: Watcher): void;
}

/** Who waits for an actor's death. */
export interface Watcher {
  terminated(reason: StopReason): void;
}

/** Who watches one actor, and whether it is over with it. */
export class Watchers implements Watched {
  readonly #watchers = new Set<Watcher>();
  #reason: StopReason | undefined;

  add(watcher: Watcher): void {
    if (this.#reason !== undefined) watcher.terminated(this.#reason);
    else this.#watchers.add(watcher);
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  /** The actor has stopped for good: everyone who waits learns it, in the order in which they came. */
  announce(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const watcher of [...this.#watchers]) watcher.terminated(reason);
    this.#watchers.clear();
  }
}

/** One `watch` of one life of an actor: first the watcher, then the signal in its control lane. */
export class Watch implements Watcher {
  readonly ref: ActorRef<never>;
  readonly #post: (watch: Watch) => void;
  #reason: StopReason | undefined;
  #over = false;

  constructor(ref: ActorRef<never>, post: (watch: Watch) => void) {
    this.ref = ref;
    this.#post = post;
  }

  terminated(reason: StopReason): void {
    if (this.#over || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#post(this);
  }

  /** The signal to deliver; `undefined` once the watch was taken back. */
  get signal(): Signal | undefined {
    if (this.#over || this.#reason === undefined) return undefined;
    return { kind: "terminated", ref: this.ref, reason: this.#reason };
  }

  cancel(): void {
    this.#over = true;
  }
}

/** The death watch behind a ref; `undefined` for one that cannot be watched. */
export function watchedBy(ref: ActorRef<never>): Watched | undefined {
  return (ref as { readonly [watched]?: Watched })[watched];
}
