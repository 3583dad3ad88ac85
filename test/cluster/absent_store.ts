import type { KeyValue } from "../../actors/key_value.ts";

/** A store that rejects what is asked of it while it is away. */
export function absentStore(store: KeyValue, isAway: () => boolean): KeyValue {
  const answer = <T>(work: () => Promise<T>) => isAway() ? Promise.reject<T>(new Error("the store is away")) : work();
  return {
    get: (key) => answer(() => store.get(key)),
    put: (key, value, expected) => answer(() => store.put(key, value, expected)),
    delete: (key, expected) => answer(() => store.delete(key, expected)),
    keys: (prefix) => answer(() => store.keys(prefix)),
    watch: (prefix, handler) => store.watch(prefix, handler),
    close: () => store.close(),
  };
}
