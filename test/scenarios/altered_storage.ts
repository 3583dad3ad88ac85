import type { CheckpointStorage } from "../../mod.ts";
import type { CheckpointStore } from "../../runtime/checkpoint/storage.ts";

/** The same storage, but for what `alter` puts in place of methods of its store. */
export function alteredStorage(
  real: CheckpointStorage,
  alter: (store: CheckpointStore) => Partial<CheckpointStore>,
): CheckpointStorage {
  return {
    location: real.location,
    async open(name) {
      const store = await real.open(name);
      const own = alter(store);
      return new Proxy(store, {
        get(target, property) {
          const found: unknown = Reflect.get(Object.hasOwn(own, property) ? own : target, property);
          return typeof found === "function" ? found.bind(target) : found;
        },
      });
    },
  };
}
