import { scratchStores } from "../scratch/mod.ts";
import type { RunSettings } from "./options.ts";

/**
 * Settings with the place of keyed state where that is not the heap.
 *
 * @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` where no store runs
 */
export async function withStores(settings: RunSettings, job: string): Promise<RunSettings> {
  const { stateDirectory, state } = settings;
  return stateDirectory === undefined
    ? settings
    : { ...settings, state: { ...state, stores: await scratchStores(stateDirectory, job) } };
}
