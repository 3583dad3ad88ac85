import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Processes, ProcessIdentity } from "../../actors/processes.ts";
import type { Random } from "../../actors/random.ts";
import { isMissing, isTaken } from "./disk_failure.ts";
import { writeDurably } from "./durable_file.ts";
import { decodeSealedJson, encodeSealedJson } from "./sealed_json.ts";

/**
 * The lock of a folder: one live owner, and what a dead one leaves behind is taken over by exactly one.
 *
 * Removing a stale lock and making one's own would be two steps, between which another process can do the same. So nothing is
 * removed before the folder is owned. Ownership is a chain: `lock` names an owner; `lock.after-<nonce>` names the owner that
 * followed the one with that nonce. Each link is made by the exclusive creation of a name, so it is made once. The owner is the
 * last of the chain; whoever finds that it is dead may try to follow it.
 *
 * | step of a taker                                      | why it is safe                                                   |
 * |------------------------------------------------------|------------------------------------------------------------------|
 * | 1 write `lock.<own nonce>`, synced                   | what is linked later is whole                                    |
 * | 2 walk the chain; a live last owner: refuse          |                                                                  |
 * | 3 link own file to `lock`, or behind the dead owner  | exclusive: one taker wins, the others walk again                 |
 * | 4 walk again; not the last: take back, walk again    | the chain may have been shortened (5) since step 2               |
 * | 5 rename own file to `lock`; remove the links behind | `lock` names a live owner before any link goes, see 4            |
 */

/** Who holds a folder. */
export interface LockOwner extends ProcessIdentity {
  readonly host: string;
  readonly job: string;
  /** Unique for every time the lock is taken. */
  readonly nonce: string;
}

/** What a lock needs. */
export interface LockWorld {
  readonly disk: Disk;
  readonly processes: Processes;
  readonly random: Random;
}

/** How often a taker walks the chain again before it gives up. Each time but the last, another one has made progress. */
const roundsMax = 32;

/** How many dead owners a chain may hold; a live one shortens it to itself. */
const chainMax = 1_000;

type ChainEnd = { readonly kind: "free" } | { readonly kind: "owned"; readonly owner: LockOwner };

/** A folder that this process holds. */
export class DirectoryLock {
  readonly #world: LockWorld;
  readonly #directory: string;
  readonly #owner: LockOwner;
  #released = false;

  private constructor(world: LockWorld, directory: string, owner: LockOwner) {
    this.#world = world;
    this.#directory = directory;
    this.#owner = owner;
  }

  /**
   * Takes the lock of a folder.
   *
   * @throws {SluiceError} `CHECKPOINTS_IN_USE` naming the live owner and the remedy.
   * @throws {DiskError} When the folder cannot be written to.
   */
  static async take(world: LockWorld, directory: string, job: string): Promise<DirectoryLock> {
    const { processes, random, disk } = world;
    const owner: LockOwner = { ...await processes.self(), host: processes.host, job, nonce: random.id() };
    const lock = new DirectoryLock(world, directory, owner);
    try {
      await lock.#take();
    } catch (error) {
      await disk.remove(lock.#own).catch(() => {});
      throw error;
    }
    await lock.#tidy();
    return lock;
  }

  /** Lets go of the folder. A second call does nothing. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    // The head first: without it no link counts.
    await this.#world.disk.remove(this.#head);
  }

  get #head(): string {
    return `${this.#directory}/lock`;
  }

  get #own(): string {
    return `${this.#directory}/lock.${this.#owner.nonce}`;
  }

  async #take(): Promise<void> {
    const { disk } = this.#world;
    for (let round = 0; round < roundsMax; round++) {
      if (round === 0 || !await this.#exists(this.#own)) {
        await writeDurably(disk, this.#own, encodeSealedJson(this.#owner));
      }
      const end = await this.#walk();
      if (end.kind === "owned" && await this.#isAlive(end.owner)) throw this.#inUse(end.owner);
      const link = end.kind === "free" ? this.#head : this.#after(end.owner);
      try {
        await disk.link(this.#own, link);
      } catch (error) {
        // Another taker was first, or tidied up what looked left over: look again.
        if (isTaken(error) || isMissing(error)) continue;
        throw error;
      }
      const now = await this.#walk();
      if (now.kind === "owned" && now.owner.nonce === this.#owner.nonce) return;
      await disk.remove(link);
    }
    throw new SluiceError(
      "CHECKPOINTS_IN_USE",
      `Cannot use ${this.#directory} for checkpoints: other processes keep taking ${this.#head}; ` +
        `give every job a folder of its own`,
    );
  }

  /** Shortens the chain to this owner, and removes what earlier ones left. Nothing depends on its success. */
  async #tidy(): Promise<void> {
    const { disk } = this.#world;
    try {
      await disk.rename(this.#own, this.#head);
      // Where both are names of one file, a rename leaves both.
      await disk.remove(this.#own);
      for (const name of await disk.list(this.#directory)) {
        if (/^lock\.(after-)?[0-9a-f]{32}$/.test(name)) await disk.remove(`${this.#directory}/${name}`);
      }
    } catch {
      return;
    }
  }

  async #walk(): Promise<ChainEnd> {
    let owner = await this.#read(this.#head);
    if (owner === undefined) return { kind: "free" };
    for (let length = 0; length < chainMax; length++) {
      const next = await this.#read(this.#after(owner));
      if (next === undefined) return { kind: "owned", owner };
      owner = next;
    }
    throw this.#unreadable(this.#head, "it has too many followers");
  }

  #after(owner: LockOwner): string {
    return `${this.#directory}/lock.after-${owner.nonce}`;
  }

  async #read(path: string): Promise<LockOwner | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#world.disk.read(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const opened = decodeSealedJson(bytes);
    if (opened.kind === "damaged") throw this.#unreadable(path, opened.reason);
    if (!isOwner(opened.content)) throw this.#unreadable(path, "it names no owner");
    return opened.content;
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#world.disk.size(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** In doubt it lives. */
  async #isAlive(owner: LockOwner): Promise<boolean> {
    const { processes } = this.#world;
    if (owner.host !== processes.host) return true;
    const state = await processes.lookUp(owner.pid);
    if (state.kind === "gone") return false;
    return state.startedAt === "" || owner.startedAt === "" || state.startedAt === owner.startedAt;
  }

  #inUse({ host, pid, job }: LockOwner): SluiceError {
    const ours = this.#owner;
    const own = host === ours.host && pid === ours.pid;
    const who = own ? "this process" : `process ${pid} on ${host}`;
    const remedy = own
      ? "stop that run first, or give this job a folder of its own"
      : host === ours.host
      ? "stop that process first, or give this job a folder of its own"
      : `if that machine is gone for good, remove ${this.#head}; else give this job a folder of its own`;
    return new SluiceError(
      "CHECKPOINTS_IN_USE",
      `Cannot use ${this.#directory} for checkpoints: ${who} runs job ${job} with it; ${remedy}`,
    );
  }

  #unreadable(path: string, reason: string): SluiceError {
    return new SluiceError(
      "CHECKPOINTS_IN_USE",
      `Cannot use ${this.#directory} for checkpoints: its lock ${path} does not say who holds it: ${reason}; ` +
        `when no job uses the ` +
        "folder, remove that file",
    );
  }
}

function isOwner(content: unknown): content is LockOwner {
  if (typeof content !== "object" || content === null) return false;
  const { host, pid, startedAt, job, nonce } = content as Readonly<Record<string, unknown>>;
  return typeof host === "string" && Number.isSafeInteger(pid) && typeof startedAt === "string" && typeof job === "string" &&
    typeof nonce === "string" && /^[0-9a-f]{32}$/.test(nonce);
}
