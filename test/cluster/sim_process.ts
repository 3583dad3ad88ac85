import type { Clock, Timer } from "../../actors/clock.ts";
import type { Disk, DiskWriter } from "../../actors/disk.ts";
import type { KeyValue, KeyValueChange } from "../../actors/key_value.ts";
import type { World } from "../../actors/simulation/world.ts";
import type { Delivery, Subscription, Transport } from "../../actors/transport.ts";

/**
 * A process of a simulated cluster that can be killed, and paused as by SIGSTOP: everything that comes to it from outside waits
 * until it is resumed, and its timers fire late.
 */
export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  #state: "running" | "paused" | "dead" = "running";
  #backlog: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.name = name;
    const { clock } = world;
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      setTimer: (delayMs, fire) => this.#timer(clock, delayMs, fire),
      yield: (resume) => clock.yield(() => this.#enter(resume)),
    };
  }

  get alive(): boolean {
    return this.#state !== "dead";
  }

  kill(): void {
    this.#state = "dead";
    this.#backlog = [];
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const work of backlog) work();
  }

  /** A connection as this process sees it. */
  transport(inner: Transport): Transport {
    return {
      get maxPayloadBytes() {
        return inner.maxPayloadBytes;
      },
      get connected() {
        return inner.connected;
      },
      publish: (subject, bytes, replyTo) => {
        if (this.alive) inner.publish(subject, bytes, replyTo);
      },
      subscribe: (subject, handler): Subscription =>
        inner.subscribe(subject, ({ subject: of, bytes, replyTo }: Delivery) => {
          const copy = bytes.slice();
          this.#enter(() => handler({ subject: of, bytes: copy, replyTo }));
        }),
      flush: () => this.#settles(() => inner.flush()),
      request: (subject, bytes, timeoutMs) => this.#settles(() => inner.request(subject, bytes, timeoutMs)),
      close: () => inner.close(),
    };
  }

  keyValue(inner: KeyValue): KeyValue {
    return {
      get: (key) => this.#settles(() => inner.get(key)),
      put: (key, value, expected) => this.#settles(() => inner.put(key, value, expected)),
      delete: (key, expected) => this.#settles(() => inner.delete(key, expected)),
      keys: (prefix) => this.#settles(() => inner.keys(prefix)),
      watch: (prefix, handler) =>
        this.#settles(() => inner.watch(prefix, (change: KeyValueChange) => this.#enter(() => handler(change)))),
      close: () => inner.close(),
    };
  }

  disk(inner: Disk): Disk {
    const writer = (of: DiskWriter): DiskWriter => ({
      write: (bytes) => this.#settles(() => of.write(bytes)),
      sync: () => this.#settles(() => of.sync()),
      close: () => this.#settles(() => of.close()),
    });
    return {
      read: (path) => this.#settles(() => inner.read(path)),
      readRange: (path, offset, length) => this.#settles(() => inner.readRange(path, offset, length)),
      size: (path) => this.#settles(() => inner.size(path)),
      openWrite: (path, options) => this.#settles(async () => writer(await inner.openWrite(path, options))),
      rename: (from, to) => this.#settles(() => inner.rename(from, to)),
      link: (from, to) => this.#settles(() => inner.link(from, to)),
      remove: (path) => this.#settles(() => inner.remove(path)),
      list: (path) => this.#settles(() => inner.list(path)),
      makeDirectory: (path) => this.#settles(() => inner.makeDirectory(path)),
      removeDirectory: (path) => this.#settles(() => inner.removeDirectory(path)),
      syncDirectory: (path) => this.#settles(() => inner.syncDirectory(path)),
    };
  }

  #timer(clock: Clock, delayMs: number, fire: () => void): Timer {
    let set = true;
    const timer = clock.setTimer(delayMs, () => this.#enter(() => set && fire()));
    return {
      cancel: () => {
        set = false;
        timer.cancel();
      },
    };
  }

  #enter(work: () => void): void {
    if (this.#state === "running") work();
    else if (this.#state === "paused") this.#backlog.push(work);
  }

  /** What a dead process begins has no effect, and what it waits for never comes. */
  #settles<T>(operation: () => Promise<T>): Promise<T> {
    if (!this.alive) return new Promise<T>(() => {});
    return new Promise<T>((resolve, reject) => {
      operation().then((value) => this.#enter(() => resolve(value)), (cause: unknown) => {
        this.#enter(() => reject(cause instanceof Error ? cause : new Error(String(cause))));
      });
    });
  }
}
