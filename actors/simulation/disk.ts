import type { Clock } from "../clock.ts";
import { type Disk, DiskError, type DiskFault, type DiskWriter } from "../disk.ts";
import { SluiceError } from "../error.ts";
import type { Random } from "../random.ts";
import { SeededRandom } from "../seeded_random.ts";
import { Medium, type MediumFile } from "./medium.ts";

/** What is asked of a simulated disk. */
export type DiskAction =
  | "read"
  | "size"
  | "open"
  | "write"
  | "sync"
  | "close"
  | "rename"
  | "link"
  | "remove"
  | "list"
  | "make-directory"
  | "remove-directory"
  | "sync-directory";

/** One operation, as fault rules see it. */
export interface DiskOperation {
  /** 1, 2, 3 … on this handle. */
  readonly index: number;
  readonly action: DiskAction;
  readonly path: string;
}

/** How often things go wrong: probabilities per operation, all 0 unless given. */
export interface DiskFaultRates {
  /** A write, or anything that makes a name, finds the disk full. */
  readonly full?: number;
  /** Any operation but `close` fails with `io`, without effect. */
  readonly io?: number;
  /** A write fails with `io` after a part of its bytes. */
  readonly torn?: number;
  /** A write succeeds, and one bit of what is stored is wrong. */
  readonly bitFlip?: number;
}

/** What has gone wrong on a disk so far, on all handles and through all crashes. */
export interface DiskCounts {
  full: number;
  /** Operations that failed without effect, torn writes not among them. */
  io: number;
  torn: number;
  bitFlips: number;
  /** Operations that took longer because of {@link SimulatedDisk.slowMs}. */
  slow: number;
  /** Files and names of which a power failure took something. */
  lost: number;
}

/** What a {@link SimulatedDisk} can be told. */
export interface SimulatedDiskOptions {
  /** @default a source seeded with 0 */
  readonly random?: Random;
  /** With a clock, every operation takes between `minLatencyMs` and `maxLatencyMs`; without, none takes time. */
  readonly clock?: Clock;
  /** @default 0 */
  readonly minLatencyMs?: number;
  /** @default minLatencyMs */
  readonly maxLatencyMs?: number;
  readonly rates?: DiskFaultRates;
  /** Writes that would make all files together longer than this find the disk full. @default Infinity */
  readonly capacityBytes?: number;
}

/** Actions that need room on the disk. */
const needsRoom: ReadonlySet<DiskAction> = new Set(["open", "write", "rename", "link", "make-directory"]);

/**
 * A disk in memory that forgets what a real one may forget.
 *
 * - **Power failure:** `crash` keeps what was synced. Of the bytes that were not, any part may be there, torn or not; of the
 *   changes of names that no `syncDirectory` made durable, any may be lost, and with it the later ones of that name.
 * - **Handles:** one object is the disk as one process sees it. `handle` gives another one on the same medium; `detach` ends
 *   this one as `kill -9` ends a process, and nothing is lost; `crash` ends all of them. What an ended handle is asked
 *   rejects and has no effect, so that code of a dead process cannot reach the living.
 * - **Faults** are drawn from the seed by `rates`, or told exactly by `inject`.
 * - Relative paths start at `/`.
 */
export class SimulatedDisk implements Disk {
  readonly #medium: Medium;
  readonly #options: SimulatedDiskOptions;
  readonly #random: Random;
  #detached = false;
  #operations = 0;
  #powerFailsAt = Infinity;

  readonly counts: Readonly<DiskCounts>;
  readonly #counts: DiskCounts;
  /** Probabilities of faults from now on. */
  rates: DiskFaultRates;
  /** With a clock: every operation takes so much longer from now on, in milliseconds. */
  slowMs = 0;
  /** Decides the fate of single operations, before `rates` do: a fault, or undefined to let it pass. */
  inject: ((operation: DiskOperation) => DiskFault | undefined) | undefined;

  constructor(options: SimulatedDiskOptions = {}, medium: Medium = new Medium(), counts: DiskCounts = freshCounts()) {
    const { minLatencyMs = 0, maxLatencyMs = minLatencyMs } = options;
    if (!(minLatencyMs >= 0 && maxLatencyMs >= minLatencyMs)) {
      throw new SluiceError(
        "OPTION_OUT_OF_RANGE",
        `SimulatedDisk: latencies of ${minLatencyMs} to ${maxLatencyMs} ms; give 0 or more, the smaller one as minLatencyMs`,
      );
    }
    this.#options = options;
    this.#random = options.random ?? new SeededRandom(0);
    this.#medium = medium;
    this.#counts = counts;
    this.counts = counts;
    this.rates = options.rates ?? {};
  }

  /** How many operations were asked of this handle. */
  get operations(): number {
    return this.#operations;
  }

  /** Whether this handle still works: neither detached nor without power. */
  get alive(): boolean {
    return !this.#detached && this.#medium.powered;
  }

  /** The disk as another process of the same machine sees it. */
  handle(options: SimulatedDiskOptions = this.#options): SimulatedDisk {
    return new SimulatedDisk(options, this.#medium, this.#counts);
  }

  /** Ends this handle as `kill -9` ends a process. */
  detach(): void {
    this.#detached = true;
  }

  /**
   * Lets the power fail in the middle of this handle's operation number `index`, which may or may not have had its effect.
   * `crash` then gives what survived.
   */
  failPowerAt(index: number): void {
    this.#powerFailsAt = index;
  }

  /** The power fails, if it has not yet. Gives the disk as it is found when the machine is started again. */
  crash(options: SimulatedDiskOptions = this.#options): SimulatedDisk {
    const { medium, lost } = this.#medium.crash(this.#random.fork(`crash ${this.#operations}`));
    this.#counts.lost += lost;
    return new SimulatedDisk(options, medium, this.#counts);
  }

  /** All files by absolute path, sorted. The bytes must not be changed. */
  files(): ReadonlyMap<string, Uint8Array> {
    return this.#medium.files();
  }

  /** Damages a stored file: flips bit `bit` (0 is the lowest of the first byte). */
  flipBit(path: string, bit: number): void {
    const content = this.#medium.read(path).slice();
    const byte = content[bit >> 3];
    if (byte === undefined) throw new RangeError(`${path} has ${content.length} bytes, none holds bit ${bit}`);
    content[bit >> 3] = byte ^ (1 << (bit & 7));
    this.#medium.damage(path, content);
  }

  /** Damages a stored file: cuts it to `length` bytes. */
  truncate(path: string, length: number): void {
    this.#medium.damage(path, this.#medium.read(path).slice(0, length));
  }

  read(path: string): Promise<Uint8Array> {
    return this.#operate("read", path, () => this.#medium.read(path).slice());
  }

  readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#operate("read", path, () => this.#medium.read(path).slice(offset, offset + Math.max(0, length)));
  }

  size(path: string): Promise<number> {
    return this.#operate("size", path, () => this.#medium.read(path).length);
  }

  openWrite(path: string, options?: { readonly append?: boolean }): Promise<DiskWriter> {
    return this.#operate("open", path, () => this.#writer(path, this.#medium.openWrite(path, options?.append === true)));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operate("rename", to, () => this.#medium.rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return this.#operate("link", to, () => this.#medium.link(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#operate("remove", path, () => this.#medium.remove(path));
  }

  list(path: string): Promise<readonly string[]> {
    return this.#operate("list", path, () => this.#medium.list(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.#operate("make-directory", path, () => this.#medium.makeDirectory(path));
  }

  removeDirectory(path: string): Promise<void> {
    return this.#operate("remove-directory", path, () => this.#medium.removeDirectory(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#operate("sync-directory", path, () => this.#medium.syncDirectory(path));
  }

  /** Its operations run one after the other; after one has failed none is tried again. */
  #writer(path: string, file: MediumFile): DiskWriter {
    let tail: Promise<void> = Promise.resolve();
    let closing: Promise<void> | undefined;
    const next = (action: DiskAction, effect: () => void): Promise<void> => {
      if (closing !== undefined) {
        return Promise.reject(new DiskError("io", path, `Cannot ${action} ${path}: the file is closed`));
      }
      tail = tail.then(() => this.#operate(action, path, effect));
      tail.catch(() => {});
      return tail;
    };
    return {
      write: (bytes) => next("write", () => this.#append(path, file, bytes)),
      sync: () => next("sync", () => file.sync()),
      close: () => closing ??= tail.catch(() => {}).then(() => this.#operate("close", path, () => {})),
    };
  }

  #append(path: string, file: MediumFile, bytes: Uint8Array): void {
    const { capacityBytes } = this.#options;
    if (capacityBytes !== undefined && this.#medium.usedBytes() + bytes.length > capacityBytes) {
      this.#counts.full++;
      throw new DiskError("full", path, reasons.full);
    }
    if (this.#draw(this.rates.torn)) {
      this.#counts.torn++;
      file.append(bytes.slice(0, this.#random.int(bytes.length + 1)));
      throw new DiskError("io", path, reasons.io);
    }
    if (bytes.length > 0 && this.#draw(this.rates.bitFlip)) {
      const flipped = bytes.slice();
      const at = this.#random.int(bytes.length);
      flipped[at] = (flipped[at] as number) ^ (1 << this.#random.int(8));
      this.#counts.bitFlips++;
      file.append(flipped);
    } else file.append(bytes);
  }

  async #operate<T>(action: DiskAction, path: string, effect: () => T): Promise<T> {
    const index = ++this.#operations;
    await this.#latency();
    if (!this.alive) throw new DiskError("io", path, `Cannot ${action} ${path}: the process has ended`);
    if (index >= this.#powerFailsAt) {
      const done = this.#random.chance(0.5);
      try {
        if (done) effect();
      } finally {
        this.#medium.powered = false;
      }
      throw new DiskError("io", path, `Cannot ${action} ${path}: the power has failed`);
    }
    const fault = this.inject?.({ index, action, path }) ?? this.#drawFault(action);
    if (fault !== undefined) {
      if (fault === "full" || fault === "io") this.#counts[fault]++;
      throw faultOf(fault, action, path);
    }
    try {
      return effect();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      throw new DiskError(error.code, path, `Cannot ${action} ${path}: ${error.message}`);
    }
  }

  #latency(): Promise<void> {
    const { clock, minLatencyMs = 0, maxLatencyMs = minLatencyMs } = this.#options;
    if (clock === undefined) return Promise.resolve();
    if (this.slowMs > 0) this.#counts.slow++;
    const delayMs = this.slowMs + minLatencyMs + this.#random.next() * (maxLatencyMs - minLatencyMs);
    return new Promise((resolve) => clock.setTimer(delayMs, resolve));
  }

  #drawFault(action: DiskAction): DiskFault | undefined {
    if (needsRoom.has(action) && this.#draw(this.rates.full)) return "full";
    return action !== "close" && this.#draw(this.rates.io) ? "io" : undefined;
  }

  #draw(rate: number | undefined): boolean {
    return rate !== undefined && rate > 0 && this.#random.chance(rate);
  }
}

function freshCounts(): DiskCounts {
  return { full: 0, io: 0, torn: 0, bitFlips: 0, slow: 0, lost: 0 };
}

const reasons: Readonly<Record<DiskFault, string>> = {
  missing: "it does not exist",
  exists: "the name is taken",
  full: "no space left on the disk",
  denied: "permission denied",
  io: "input/output error",
};

function faultOf(fault: DiskFault, action: DiskAction, path: string): DiskError {
  return new DiskError(fault, path, `Cannot ${action} ${path}: ${reasons[fault]}`);
}
