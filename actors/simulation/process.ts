import type { Clock, Timer } from "../clock.ts";
import { type Disk, DiskError, type DiskWriter } from "../disk.ts";

/**
 * A process of the simulated world: the clock and the disk as one process sees them. When it is killed, none of its timers
 * fires and none of its disk operations settles any more, as if the machine had pulled it out from under its promises.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly disk: Disk;
  #alive = true;
  readonly #timers = new Set<Timer>();

  constructor(clock: Clock, disk: Disk) {
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      setTimer: (delayMs, fire) => this.#guardTimer(clock, delayMs, fire),
      yield: (resume) => clock.yield(() => this.#alive && resume()),
    };
    this.disk = this.#guardDisk(disk);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Timers that are set and have not fired. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Ends the process: nothing of it runs any more, except what the current event still does. */
  kill(): void {
    this.#alive = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #guardTimer(clock: Clock, delayMs: number, fire: () => void): Timer {
    if (!this.#alive) return { cancel() {} };
    const timer = clock.setTimer(delayMs, () => {
      this.#timers.delete(guarded);
      fire();
    });
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
  #guard<T>(operation: () => Promise<T>): Promise<T> {
    if (!this.#alive) return new Promise<T>(() => {});
    return new Promise<T>((resolve, reject) => {
      operation().then(
        (value) => this.#alive && resolve(value),
        (error: unknown) => this.#alive && reject(error instanceof Error ? error : new DiskError("io", "", String(error))),
      );
    });
  }

  #guardDisk(disk: Disk): Disk {
    return {
      read: (path) => this.#guard(() => disk.read(path)),
      readRange: (path, offset, length) => this.#guard(() => disk.readRange(path, offset, length)),
      size: (path) => this.#guard(() => disk.size(path)),
      openWrite: (path, options) => this.#guard(async () => this.#guardWriter(await disk.openWrite(path, options))),
      rename: (from, to) => this.#guard(() => disk.rename(from, to)),
      link: (from, to) => this.#guard(() => disk.link(from, to)),
      remove: (path) => this.#guard(() => disk.remove(path)),
      list: (path) => this.#guard(() => disk.list(path)),
      makeDirectory: (path) => this.#guard(() => disk.makeDirectory(path)),
      removeDirectory: (path) => this.#guard(() => disk.removeDirectory(path)),
      syncDirectory: (path) => this.#guard(() => disk.syncDirectory(path)),
    };
  }

  #guardWriter(writer: DiskWriter): DiskWriter {
    return {
      write: (bytes) => this.#guard(() => writer.write(bytes)),
      sync: () => this.#guard(() => writer.sync()),
      close: () => this.#guard(() => writer.close()),
    };
  }
}
