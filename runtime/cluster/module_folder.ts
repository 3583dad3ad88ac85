import { type Disk, DiskError } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Job } from "../job/job.ts";
import { jobOfModule, type LoadModule } from "../job/job_module.ts";

/** A module's name: no path, so that nothing outside the folder can be named. */
export const moduleName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** @throws {SluiceError} `BAD_NAME` */
export function checkModuleName(name: string): void {
  if (moduleName.test(name)) return;
  const remedy = "give the name of a file in the members' --jobs-dir, such as clicks or clicks.ts";
  throw new SluiceError("BAD_NAME", `${JSON.stringify(name)} is no name of a job module: ${remedy}`);
}

const endings = [".ts", ".js", ".mjs"];

/** What a {@link ModuleFolder} is made from. */
export interface ModuleFolderOptions {
  readonly disk: Disk;
  readonly load: LoadModule;
}

/**
 * The jobs that a member of a cluster can run: the default exports of modules in one folder of its own disk, by name, with or
 * without the ending. Nothing is ever loaded from anywhere else: no code comes over the network.
 *
 * A module is read once in the life of the process; a new version needs a new process.
 */
export class ModuleFolder {
  readonly #folder: string;
  readonly #options: ModuleFolderOptions;

  constructor(folder: string, options: ModuleFolderOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** @throws {SluiceError} `BAD_NAME`, `MODULE_MISSING`, `MODULE_NOT_LOADED`, `NOT_A_JOB` */
  async job(name: string): Promise<Job> {
    checkModuleName(name);
    return await jobOfModule(await this.#find(name), this.#options.load);
  }

  async #find(name: string): Promise<string> {
    let names: readonly string[];
    try {
      names = await this.#options.disk.list(this.#folder);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      throw new SluiceError("MODULE_MISSING", `the folder of job modules ${this.#folder} cannot be read: ${cause.message}`, {
        cause,
      });
    }
    const modules = names.filter((file) => endings.some((ending) => file.endsWith(ending)));
    const found = [name, ...endings.map((ending) => name + ending)].find((file) => modules.includes(file));
    if (found !== undefined) return `${this.#folder}/${found}`;
    const known = modules.slice(0, 20).join(", ") || "no modules";
    throw new SluiceError("MODULE_MISSING", `there is no module ${name} in ${this.#folder}; there are: ${known}`);
  }
}
