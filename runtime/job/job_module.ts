import { messageOf, SluiceError } from "../../actors/error.ts";
import { isJob, type Job } from "./job.ts";

/** Imports a module of this machine, by its path. */
export type LoadModule = (path: string) => Promise<{ readonly default?: unknown }>;

/** The default export of a module; undefined where it has none. @throws {SluiceError} `MODULE_NOT_LOADED` */
export async function defaultExport(path: string, load: LoadModule): Promise<unknown> {
  try {
    return (await load(path)).default;
  } catch (cause) {
    throw new SluiceError("MODULE_NOT_LOADED", `cannot load ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The job that is the default export of a module. @throws {SluiceError} `MODULE_NOT_LOADED`, `NOT_A_JOB` */
export async function jobOfModule(path: string, load: LoadModule): Promise<Job> {
  const exported = await defaultExport(path, load);
  if (isJob(exported)) return exported;
  const found = exported === undefined ? "has no default export" : "has a default export that is no job";
  throw new SluiceError("NOT_A_JOB", `${path} ${found}: write export default job("name", (flow) => { … })`);
}
