import type { StopReason } from "./behavior.ts";
import type { Clock, Timer } from "./clock.ts";
import { messageOf, SluiceError } from "./error.ts";
import type { Address } from "./ref.ts";
import type { Envelope } from "./remote_envelope.ts";
import type { Watched, Watcher } from "./watch.ts";

/** How the life of another system's actors is followed. */
export interface WatchTiming {
  readonly heartbeatMs: number;
  readonly unreachableMs: number;
}

type Watching = Extract<Envelope, { kind: "watch" }>["watches"][number];
type Ended = Extract<Envelope, { kind: "watched" }>["ended"][number];

/** How many watches one envelope names: with the longest paths it stays below half a megabyte. */
const perEnvelope = 100;

/** Something that is done at every heartbeat while there is need. */
class Heartbeat {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #beat: () => boolean;
  #timer: Timer | undefined;

  /** `beat` returns whether it is needed any more. */
  constructor(clock: Clock, everyMs: number, beat: () => boolean) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#beat = beat;
  }

  start(): void {
    this.#timer ??= this.#clock.setTimer(this.#everyMs, () => {
      this.#timer = undefined;
      if (this.#beat()) this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

interface RemoteWatch {
  readonly address: Address;
  readonly watcher: Watcher;
}

interface WatchedSystem {
  /** When it last answered, or the first watch began. */
  heardMs: number;
  readonly watches: Map<number, RemoteWatch>;
}

/**
 * The watches of this system's actors on actors of other systems. Nothing is assumed to arrive: every heartbeat names all
 * watches again, and the other side says of each whether its actor lives. A system that does not answer for `unreachableMs` is
 * given up, and with it every watch on its actors; that is a suspicion, its actors may live on.
 */
export class RemoteWatches {
  readonly #clock: Clock;
  readonly #timing: WatchTiming;
  readonly #from: string;
  readonly #send: (system: string, envelope: Envelope) => void;
  readonly #systems = new Map<string, WatchedSystem>();
  readonly #heartbeat: Heartbeat;
  #ids = 0;

  constructor(clock: Clock, timing: WatchTiming, from: string, send: (system: string, envelope: Envelope) => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#from = from;
    this.#send = send;
    this.#heartbeat = new Heartbeat(clock, timing.heartbeatMs, () => this.#beat());
  }

  deathOf(address: Address): Watched {
    return { add: (watcher) => this.#add(address, watcher), remove: (watcher) => this.#remove(address, watcher) };
  }

  /** Another system has answered. */
  onWatched(from: string, ended: readonly Ended[]): void {
    const system = this.#systems.get(from);
    if (system !== undefined) system.heardMs = this.#clock.monotonic();
    for (const { watch, reason, why } of ended) {
      const found = system?.watches.get(watch);
      system?.watches.delete(watch);
      found?.watcher.terminated(reasonOf(reason, why));
    }
    if (ended.length > 0) this.#send(from, { kind: "unwatch", from: this.#from, watches: ended.map(({ watch }) => watch) });
    if (system?.watches.size === 0) this.#systems.delete(from);
  }

  close(): void {
    this.#heartbeat.stop();
    this.#systems.clear();
  }

  #add(address: Address, watcher: Watcher): void {
    let system = this.#systems.get(address.system);
    if (system === undefined) {
      system = { heardMs: this.#clock.monotonic(), watches: new Map() };
      this.#systems.set(address.system, system);
    }
    const watch = this.#ids++;
    system.watches.set(watch, { address, watcher });
    this.#sendWatches(address.system, [[watch, { address, watcher }]]);
    this.#heartbeat.start();
  }

  #remove(address: Address, watcher: Watcher): void {
    const system = this.#systems.get(address.system);
    for (const [watch, found] of system?.watches ?? []) {
      if (found.watcher !== watcher) continue;
      system?.watches.delete(watch);
      this.#send(address.system, { kind: "unwatch", from: this.#from, watches: [watch] });
    }
    if (system?.watches.size === 0) this.#systems.delete(address.system);
  }

  #beat(): boolean {
    const now = this.#clock.monotonic();
    for (const [name, system] of [...this.#systems]) {
      if (now - system.heardMs < this.#timing.unreachableMs) this.#sendWatches(name, [...system.watches]);
      else {
        this.#systems.delete(name);
        for (const { watcher } of system.watches.values()) watcher.terminated({ kind: "unreachable" });
      }
    }
    return this.#systems.size > 0;
  }

  #sendWatches(system: string, watches: readonly (readonly [number, RemoteWatch])[]): void {
    const named: Watching[] = watches.map(([watch, { address: { path, id } }]) => ({ watch, path, id }));
    for (let at = 0; at < named.length; at += perEnvelope) {
      this.#send(system, { kind: "watch", from: this.#from, watches: named.slice(at, at + perEnvelope) });
    }
  }
}

/** A watch of another system's actor on one of ours. */
interface ForeignWatch {
  heardMs: number;
  ended: Ended | undefined;
  cancel(): void;
}

/**
 * What other systems watch of this one. A watch that its system does not name any more is forgotten: at once when it says so,
 * else after four times `unreachableMs`.
 */
export class ForeignWatches {
  readonly #clock: Clock;
  readonly #timing: WatchTiming;
  readonly #from: string;
  readonly #find: (path: string, id: number) => Watched | undefined;
  readonly #send: (system: string, envelope: Envelope) => void;
  readonly #watches = new Map<string, ForeignWatch>();
  readonly #heartbeat: Heartbeat;

  constructor(
    clock: Clock,
    timing: WatchTiming,
    from: string,
    find: (path: string, id: number) => Watched | undefined,
    send: (system: string, envelope: Envelope) => void,
  ) {
    this.#clock = clock;
    this.#timing = timing;
    this.#from = from;
    this.#find = find;
    this.#send = send;
    this.#heartbeat = new Heartbeat(clock, timing.heartbeatMs, () => this.#forget());
  }

  onWatch(system: string, watches: readonly Watching[]): void {
    const alive: number[] = [];
    const ended: Ended[] = [];
    for (const { watch, path, id } of watches) {
      const key = `${system}/${watch}`;
      const found = this.#watches.get(key) ?? this.#begin(key, system, watch, path, id);
      found.heardMs = this.#clock.monotonic();
      if (found.ended === undefined) alive.push(watch);
      else ended.push(found.ended);
    }
    this.#send(system, { kind: "watched", from: this.#from, alive, ended });
    this.#heartbeat.start();
  }

  onUnwatch(system: string, watches: readonly number[]): void {
    for (const watch of watches) this.#drop(`${system}/${watch}`);
  }

  close(): void {
    this.#heartbeat.stop();
    for (const key of [...this.#watches.keys()]) this.#drop(key);
  }

  #begin(key: string, system: string, watch: number, path: string, id: number): ForeignWatch {
    const target = this.#find(path, id);
    const watcher: Watcher = {
      terminated: (reason) => {
        found.ended = { watch, reason: reason.kind, why: reason.kind === "failed" ? textOf(reason.cause) : "" };
        this.#send(system, { kind: "watched", from: this.#from, alive: [], ended: [found.ended] });
      },
    };
    const ended = target === undefined ? { watch, reason: "gone" as const, why: "" } : undefined;
    const found: ForeignWatch = { heardMs: 0, ended, cancel: () => target?.remove(watcher) };
    this.#watches.set(key, found);
    target?.add(watcher);
    return found;
  }

  #forget(): boolean {
    const oldestMs = this.#clock.monotonic() - 4 * this.#timing.unreachableMs;
    for (const [key, { heardMs }] of [...this.#watches]) if (heardMs < oldestMs) this.#drop(key);
    return this.#watches.size > 0;
  }

  #drop(key: string): void {
    this.#watches.get(key)?.cancel();
    this.#watches.delete(key);
  }
}

function reasonOf(kind: Ended["reason"], why: string): StopReason {
  return kind === "failed" ? { kind, cause: new SluiceError("REMOTE_FAILURE", why) } : { kind };
}

/** A cause as a text of at most 1,000 characters, to be sent: the error itself stays where it was raised. */
export function textOf(cause: unknown): string {
  return messageOf(cause).slice(0, 1_000).toWellFormed();
}
