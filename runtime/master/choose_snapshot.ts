import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { SinkContext } from "../graph/sink.ts";
import type { Manifest } from "../checkpoint/manifest.ts";
import { patientReads } from "../checkpoint/patient_reads.ts";
import type { CheckpointStore, StoredCheckpoint } from "../checkpoint/storage.ts";
import type { Attempt, World } from "./attempt.ts";
import type { RunSettings } from "./options.ts";
import { assertRestorable, decideRestore, type RestoreDecision } from "./restore_plan.ts";
import { edgesToKeep } from "./new_homes.ts";
import { openFolderSnapshot, openSnapshot, type Snapshot, type SnapshotReader } from "./snapshot.ts";

/** What the choice depends on. */
export interface ChoiceOptions {
  readonly graph: LogicalGraph;
  readonly parallelism: number;
  readonly settings: RunSettings;
  readonly world: World;
  readonly store: CheckpointStore;
  /** Holds the folders of savepoints. @default the world's disk */
  readonly places?: Disk;
  /** Until the run has completed a checkpoint it starts from the one that was asked for; then from the newest. */
  readonly first: boolean;
  /** Settles when the attempt's number is allotted; before that things are only read. */
  readonly allotted: Promise<void>;
}

/** Whether a run has completed a checkpoint of its own, as far as its present attempt tells: by that, or before it. */
export function hasCompleted({ number, restored }: Attempt, manifests: readonly Manifest[], from: RunSettings["from"]): boolean {
  if (from === undefined || manifests.some((manifest) => manifest.attempt >= number)) return true;
  return restored !== undefined && restored.id !== from && restored.location !== from;
}

/** What an attempt starts from, and how. */
export interface Choice {
  readonly snapshot: Snapshot;
  readonly decision: RestoreDecision;
}

/**
 * The snapshot an attempt starts from: the newest completed checkpoint that is whole, or the one that was asked for; undefined
 * when there is none at all. A damaged one is passed over with a warning that names file and reason. When all of them are
 * damaged the job does not start: never silently from nothing.
 *
 * Going back behind what a sink has already shown is refused unless the sink can take it back, or duplicates are allowed
 * (protocol 5.9). In a job with transactional sinks the checkpoints that are gone back behind exist no more.
 */
export async function chooseSnapshot(
  options: ChoiceOptions,
  attempt: number,
  warn: (code: string, message: string) => void,
): Promise<Choice | undefined> {
  const { store, settings, graph, world } = options;
  const stored = await store.list();
  const from = options.first || stored.length === 0 ? settings.from : undefined;
  const disk = patientReads(options.places ?? world.disk, world.clock);
  const snapshot = await findSnapshot({ store, stored, disk, job: graph.name, from }, warn);
  if (snapshot === undefined) return undefined;
  const plan = planGraph(graph, { parallelism: options.parallelism, keepEdges: edgesToKeep(snapshot.manifest, graph) });
  const decision = await decideRestore(snapshot, plan, settings.allowDropped);
  assertRestorable(decision.plan, graph.name);
  for (const warning of decision.plan.warnings) warn("STATE_DROPPED", warning);
  await options.allotted;
  const later = stored.filter(({ id }) => id > snapshot.manifest.id);
  await goBack(options, snapshot.manifest, { later, asked: from !== undefined }, attempt, warn);
  return { snapshot, decision };
}

/** Where a snapshot is looked for. */
export interface SnapshotPlace {
  readonly store: SnapshotReader;
  /** What the store has, the newest first. */
  readonly stored: readonly StoredCheckpoint[];
  /** Holds the folders of savepoints. */
  readonly disk: Disk;
  readonly job: string;
  readonly from: RunSettings["from"];
}

/** The snapshot that is asked for, as {@link chooseSnapshot} does; whether it fits is not looked at. */
export async function findSnapshot(
  { store, stored, disk, job, from }: SnapshotPlace,
  warn: (code: string, message: string) => void,
): Promise<Snapshot | undefined> {
  if (typeof from === "string") return openFolderSnapshot(disk, from);
  const candidates = from === undefined ? stored : stored.filter((checkpoint) => checkpoint.id === from);
  if (from !== undefined && candidates.length === 0) {
    const ids = stored.map((checkpoint) => checkpoint.id).join(", ");
    throw new SluiceError("CHECKPOINT_UNKNOWN", `there is no checkpoint ${from} of job ${job}; there are: ${ids || "none"}`);
  }
  const damage: string[] = [];
  for (const checkpoint of candidates) {
    try {
      return await openSnapshot(store, checkpoint);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== "CHECKPOINT_DAMAGED") throw error;
      damage.push(error.message);
      if (from === undefined) warn("CHECKPOINT_DAMAGED", `checkpoint ${checkpoint.id} is passed over: ${error.message}`);
    }
  }
  if (damage.length === 0) return undefined;
  throw new SluiceError(
    "CHECKPOINT_DAMAGED",
    `no checkpoint of job ${job} can be restored: ${damage.join("; ")}. To start from nothing, use another folder`,
  );
}

/**
 * Takes back what sinks have shown since the checkpoint; `later` are those after it. They exist no more then: sinks that are
 * opened drop what was prepared for them, so a later attempt that restored one would lose what it covers.
 */
async function goBack(
  options: ChoiceOptions,
  { id, life, job }: Manifest,
  { later, asked }: { readonly later: readonly StoredCheckpoint[]; readonly asked: boolean },
  attempt: number,
  warn: (code: string, message: string) => void,
): Promise<void> {
  const { graph, world, settings, store } = options;
  const takeBack: (() => Promise<void>)[] = [];
  let transactional = false;
  for (const operator of graph.operators) {
    if (operator.role.kind !== "sink") continue;
    const { sink } = operator.role;
    transactional ||= sink.delivery === "transactional";
    const context: SinkContext = {
      ...world,
      job,
      life,
      uid: operator.id,
      subtask: 0,
      parallelism: operator.parallelism ?? options.parallelism,
      attempt,
      signal: new AbortController().signal,
    };
    // One that does not tell may have shown all that is complete. Whoever asks to go back knows what he asks for.
    const untold = sink.delivery === "transactional" && !asked ? Math.max(0, ...later.map((checkpoint) => checkpoint.id)) : 0;
    const committed = await sink.lastCommitted?.(context) ?? untold;
    if (committed <= id) continue;
    const may = sink.lastCommitted === undefined ? "may have" : "has already";
    const shown = `sink ${operator.id} ${may} shown the output of checkpoint ${committed}`;
    if (sink.rollbackTo !== undefined) {
      takeBack.push(async () => {
        await sink.rollbackTo?.(id, context);
        warn("SINK_ROLLED_BACK", `${shown}; it was taken back to checkpoint ${id}`);
      });
    } else if (settings.allowDuplicates) {
      warn("DUPLICATES_ALLOWED", `${shown}; going back to checkpoint ${id} shows part of it again`);
    } else {
      throw new SluiceError(
        "RESTORE_REFUSED",
        `cannot go back to checkpoint ${id}: ${shown}, and it cannot take that back. Restore checkpoint ${committed}, or ` +
          `accept duplicates (allowDuplicates)`,
      );
    }
  }
  if (transactional) { for (const checkpoint of later) await store.remove(checkpoint); }
  for (const act of takeBack) await act();
}
