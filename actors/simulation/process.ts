import type { Clock, Timer } from "../clock.ts";
import { type Disk, DiskError, type DiskWriter } from "../disk.ts";
import type { KeyValue, KeyValueChange } from "../key_value.ts";
import type { Subscription, Transport } from "../transport.ts";

/**
 * A process of the simulated world: the clock, the disk and the connections as one process sees them.
 *
 * - **Killed**, none of its timers fires and nothing that it waits for settles any more, as if the machine had pulled it out from
 *   under its promises; what it still begins has no effect.
 * - **Paused**, as by SIGSTOP or a long collection of garbage, everything that comes to it waits until it is resumed: it then
 *   sees what came meanwhile, in order, and late.
 * - Its **wall clock** can jump; its monotonic clock never does.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly #world: Clock;
  #state: "running" | "paused" | "dead" = "running";
  #aheadMs = 0;
  #backlog: (() => void)[] = [];
  readonly #timers = new Set<Timer>();

  constructor(clock: Clock, disk: Disk) {
    this.#world = clock;
    this.clock = {
      now: () => clock.now() + this.#aheadMs,
      monotonic: () => clock.monotonic(),
      setTimer: (delayMs, fire) => this.#guardTimer(clock, delayMs, fire),
      yield: (resume) => clock.yield(() => this.#enter(resume)),
    };
    this.disk = this.#guardDisk(disk);
  }

  get alive(): boolean {
    return this.#state !== "dead";
  }

  get paused(): boolean {
    return this.#state === "paused";
  }

  /** Timers that are set and have not fired. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Ends the process: nothing of it runs any more, except what the current event still does. */
  kill(): void {
    this.#state = "dead";
    this.#backlog = [];
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const work of backlog) this.#world.setTimer(0, () => this.#enter(work));
  }

  /** Sets the wall clock forward, or back, by so much. */
  jump(byMs: number): void {
    this.#aheadMs += byMs;
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
        inner.subscribe(subject, (delivery) => {
          if (this.#state === "running") return handler(delivery);
          const { bytes } = delivery;
          const copy = bytes.slice();
          this.#enter(() => handler({ ...delivery, bytes: copy }));
        }),
      flush: () => this.#guard(() => inner.flush()),
      request: (subject, bytes, timeoutMs) => this.#guard(() => inner.request(subject, bytes, timeoutMs)),
      close: () => inner.close(),
    };
  }

  /** A connection to a key-value store as this process sees it. */
  keyValue(inner: KeyValue): KeyValue {
    return {
      get: (key) => this.#guard(() => inner.get(key)),
      put: (key, value, expected) => this.#guard(() => inner.put(key, value, expected)),
      delete: (key, expected) => this.#guard(() => inner.delete(key, expected)),
      keys: (prefix) => this.#guard(() => inner.keys(prefix)),
      watch: (prefix, handler) =>
        this.#guard(() => inner.watch(prefix, (change: KeyValueChange) => this.#enter(() => handler(change)))),
      close: () => inner.close(),
    };
  }

  /** Does something that comes from outside: now, when it is resumed, or never. */
  #enter(work: () => void): void {
    if (this.#state === "running") work();
    else if (this.#state === "paused") this.#backlog.push(work);
  }

  #guardTimer(clock: Clock, delayMs: number, fire: () => void): Timer {
    if (!this.alive) return { cancel() {} };
    const timer = clock.setTimer(delayMs, () =>
      this.#enter(() => {
        if (this.#timers.delete(guarded)) fire();
      }));
    const guarded: Timer = {
      cancel: () => {
        this.#timers.delete(guarded);
        timer.cancel();
      },
    };
    this.#timers.add(guarded);
    return guarded;
  }

  /** What a dead process begins has no effect, and what it waits for never comes. */
  #guard<T>(operation: () => Promise<T>, failed: (error: unknown) => Error = asError): Promise<T> {
    if (!this.alive) return new Promise<T>(() => {});
    return new Promise<T>((resolve, reject) => {
      this.#world.monotonic(); // which refuses a loop that never lets an event end
      operation().then(
        (value) => this.#enter(() => resolve(value)),
        (error: unknown) => this.#enter(() => reject(failed(error))),
      );
    });
  }

  #guardDisk(disk: Disk): Disk {
    const guard = <T>(operation: () => Promise<T>): Promise<T> => this.#guard(operation, asDiskError);
    return {
      read: (path) => guard(() => disk.read(path)),
      readRange: (path, offset, length) => guard(() => disk.readRange(path, offset, length)),
      size: (path) => guard(() => disk.size(path)),
      openWrite: (path, options) => guard(async () => this.#guardWriter(await disk.openWrite(path, options))),
      rename: (from, to) => guard(() => disk.rename(from, to)),
      link: (from, to) => guard(() => disk.link(from, to)),
      remove: (path) => guard(() => disk.remove(path)),
      list: (path) => guard(() => disk.list(path)),
      makeDirectory: (path) => guard(() => disk.makeDirectory(path)),
      removeDirectory: (path) => guard(() => disk.removeDirectory(path)),
      syncDirectory: (path) => guard(() => disk.syncDirectory(path)),
    };
  }

  #guardWriter(writer: DiskWriter): DiskWriter {
    return {
      write: (bytes) => this.#guard(() => writer.write(bytes), asDiskError),
      sync: () => this.#guard(() => writer.sync(), asDiskError),
      close: () => this.#guard(() => writer.close(), asDiskError),
    };
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function asDiskError(error: unknown): Error {
  return error instanceof Error ? error : new DiskError("io", "", String(error));
}
