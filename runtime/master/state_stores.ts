import type { OrderedStores } from "../graph/ordered_store.ts";
import { scratchStores } from "../scratch/mod.ts";
import type { RunSettings } from "./options.ts";

/**
 * Settings with the place of keyed state where that is not the heap.
 *
 * @param given stores of the caller's
 * @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` where no store runs
 */
export async function withStores(settings: RunSettings, job: string, given?: OrderedStores): Promise<RunSettings> {
  const { stateDirectory, state } = settings;
  if (given !== undefined) return { ...settings, state: { ...state, stores: given } };
  return stateDirectory === undefined
    ? settings
    : { ...settings, state: { ...state, stores: await scratchStores(stateDirectory, job) } };
}
