import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { SavepointRequest } from "../checkpoint/coordinator.ts";
import { extentsOf } from "../checkpoint/extent_reader.ts";
import type { CheckpointMode, Manifest } from "../checkpoint/manifest.ts";
import { assertFree, writeSavepoint } from "../checkpoint/savepoint.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { MasterOptions, WantedSavepoint } from "./master_control.ts";

interface Wanted extends WantedSavepoint {
  readonly request: SavepointRequest;
}

/** The savepoints that a run was asked for, until they are written: they outlive the attempts that take them. */
export class Savepoints {
  readonly #job: string;
  readonly #modeOfJob: CheckpointMode;
  readonly #disk: Disk;
  readonly #store: CheckpointStore;
  readonly #wanted = new Map<number, Wanted>();
  #tickets = 0;
  #last: WantedSavepoint | undefined;

  constructor(
    { graph, settings, world, store, places }: Pick<MasterOptions, "graph" | "settings" | "world" | "store" | "places">,
  ) {
    this.#job = graph.name;
    this.#modeOfJob = settings.mode;
    this.#disk = places ?? world.disk;
    this.#store = store;
  }

  /** Those that are still to be taken. */
  get open(): readonly SavepointRequest[] {
    return [...this.#wanted.values()].map(({ request }) => request);
  }

  /** Whether the run ends with one. */
  get last(): boolean {
    return this.#last !== undefined;
  }

  /** Undefined when it cannot be: whoever asked for it knows then. */
  async add(savepoint: WantedSavepoint): Promise<SavepointRequest | undefined> {
    if (!await this.#admit(savepoint)) return undefined;
    const request = { ticket: ++this.#tickets, mode: savepoint.mode };
    this.#wanted.set(request.ticket, { ...savepoint, request });
    return request;
  }

  /** The run is to end with this one; false when it cannot be: whoever asked for it knows then. */
  async addLast(savepoint: WantedSavepoint): Promise<boolean> {
    if (!await this.#admit(savepoint)) return false;
    this.#last = savepoint;
    return true;
  }

  /** Writes one out of what its subtasks have written into the store. Whoever asked for it learns of a failure. */
  async write(ticket: number, manifest: Manifest): Promise<void> {
    const wanted = this.#wanted.get(ticket);
    if (wanted === undefined) return;
    const { id, attempt } = manifest;
    // Its own files belong to a checkpoint that is not complete, and never will be.
    const files = manifest.files.map(({ of = { id, attempt }, ...file }) => ({ ...file, of }));
    const read = extentsOf(this.#store, { id, location: `savepoint ${id}` }, { files });
    try {
      await writeSavepoint(this.#disk, wanted.path, manifest, read);
      this.#wanted.delete(ticket);
      wanted.settle.resolve(id);
    } catch (error) {
      this.#wanted.delete(ticket);
      wanted.settle.reject(error);
    }
  }

  /** Writes the last checkpoint, which the store has completed, as the savepoint that the run ends with. */
  async writeLast(id: CheckpointId): Promise<void> {
    const last = this.#last as WantedSavepoint;
    this.#last = undefined;
    try {
      await exportCheckpoint(this.#disk, last.path, this.#store, id);
      last.settle.resolve(id);
    } catch (error) {
      last.settle.reject(error);
    }
  }

  /** The run is over: none is taken any more. */
  close(cause: unknown): void {
    for (const { settle } of this.#wanted.values()) settle.reject(cause);
    this.#wanted.clear();
    this.#last?.settle.reject(cause);
    this.#last = undefined;
  }

  /** Refuses at once what cannot be: a place that is taken, a mode that the job does not have. */
  async #admit({ path, mode, settle }: WantedSavepoint): Promise<boolean> {
    try {
      if (this.#last !== undefined) throw new SluiceError("RUN_ENDED", `job ${this.#job} is being stopped with a savepoint`);
      checkSavepointMode(this.#job, this.#modeOfJob, mode);
      if ([...this.#wanted.values()].some((wanted) => wanted.path === path)) {
        throw new SluiceError("SAVEPOINT_EXISTS", `a savepoint is being written to ${path}: name another folder`);
      }
      await assertFree(this.#disk, path);
      return true;
    } catch (error) {
      settle.reject(error);
      return false;
    }
  }
}

/**
 * Writes a completed checkpoint as a savepoint.
 *
 * @throws {SluiceError} as {@link writeSavepoint}
 */
export async function exportCheckpoint(disk: Disk, folder: string, store: CheckpointStore, id: CheckpointId): Promise<void> {
  const stored = (await store.list()).find((checkpoint) => checkpoint.id === id);
  if (stored === undefined) {
    throw new SluiceError("SAVEPOINT_FAILED", `checkpoint ${id} is gone: no savepoint of it is written`);
  }
  const manifest = await store.manifest(stored);
  await writeSavepoint(disk, folder, manifest, extentsOf(store, stored, manifest));
}

/** @throws {SluiceError} `BAD_OPTIONS` for a mode that the job's savepoints cannot have */
export function checkSavepointMode(job: string, modeOfJob: CheckpointMode, mode: BarrierMode | undefined): void {
  if (mode === undefined || modeOfJob !== "at-least-once") return;
  throw new SluiceError(
    "BAD_OPTIONS",
    `the checkpoints of job ${job} are at-least-once: its savepoints have no mode of their own; leave mode out`,
  );
}
