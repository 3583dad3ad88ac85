import type { OperatorContext } from "../graph/operator.ts";
import { DiskKeyedStateBackend } from "./disk_backend.ts";
import { HeapKeyedStateBackend } from "./heap_backend.ts";
import type { KeyedStateBackend } from "./keyed_backend.ts";

/** The keyed state of an operator, wherever the job keeps it. */
export function keyedStateBackend(context: OperatorContext, checkMutations = false): KeyedStateBackend {
  const { uid, subtask, attempt, keyGroups: range, keyGroupCount, state } = context;
  const now = () => context.now();
  const options = { uid, range, keyGroupCount, checkMutations, now, baseEvery: state?.baseEvery ?? 1, rowsFrom: state?.rowsFrom };
  const stores = state?.stores;
  if (stores === undefined) return new HeapKeyedStateBackend(options);
  return new DiskKeyedStateBackend(options, stores.open(attempt, `${uid}-${subtask}`));
}
