import { type Key, keyText } from "../graph/key.ts";

/** How messages name the state of a key; a field's path can follow. */
export function placeOf(uid: string, state: string, key: Key | undefined): string {
  return `operator ${uid}, key ${key === undefined ? "none" : keyText(key)}, state ${state}`;
}
