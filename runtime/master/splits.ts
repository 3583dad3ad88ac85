import type { Plan } from "../graph/plan.ts";
import type { SourceContext, Split } from "../graph/source.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { World } from "./attempt.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * The splits of every source, by uid, as of this attempt. They are listed once for all subtasks, since two of them might see
 * different lists, and a split would be read twice or not at all.
 */
export async function listSplits(
  plan: Plan,
  world: World,
  snapshot: Snapshot | undefined,
): Promise<ReadonlyMap<string, readonly Split[]>> {
  const splits = new Map<string, readonly Split[]>();
  for (const task of plan.tasks) {
    const operator = task.operators[0];
    if (operator?.role.kind !== "source") continue;
    const { source } = operator.role;
    const context: SourceContext = {
      ...world,
      random: world.random.fork(`splits of ${operator.id}`),
      uid: operator.id,
      subtask: 0,
      parallelism: task.parallelism,
      signal: new AbortController().signal,
      wake() {},
      fail() {},
      count() {},
    };
    try {
      const listed = await source.splits(context, snapshot === undefined ? undefined : knownSplits(snapshot, operator.id));
      checkSplits(listed);
      splits.set(operator.id, listed);
    } catch (cause) {
      const code = cause instanceof SluiceError ? cause.code : "SOURCE_FAILED";
      const said = messageOf(cause);
      throw new SluiceError(code, `source ${operator.id} could not say what there is to read: ${said}`, { cause });
    }
  }
  return splits;
}

/** Two splits of one id would share a position, and one of them would be lost. */
function checkSplits(splits: unknown): asserts splits is readonly Split[] {
  if (!Array.isArray(splits)) throw new Error("its splits() gave no array; give [{ id }, …]");
  const ids = new Set<unknown>();
  for (const split of splits) {
    const { id } = Object(split) as Partial<Split>;
    if (typeof id !== "string" || id === "") throw new Error("one of its splits has no id; give each a text of its own");
    if (ids.has(id)) throw new Error(`two of its splits have the id "${id}"; give each its own`);
    ids.add(id);
  }
}

/** The splits that a snapshot knows of a source, of all its subtasks, those read to their end included. */
function knownSplits(snapshot: Snapshot, uid: string): readonly Split[] {
  const parts = snapshot.manifest.parts.filter((part) => part.uid === uid && part.scope === "split");
  return parts.map((part) => ({ id: part.name }));
}
