/**
 * What a restore would do: which state and which records under way go where, what finds no home, what is refused.
 *
 * State is matched by uid, records under way by the id of their edge (protocol 11). The plan is made before anything is started,
 * out of the snapshot and the job alone; `start` goes by it, and a dry run prints it.
 */
import type { TSchema } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import type { ManifestPart } from "../checkpoint/manifest.ts";
import { partBytes } from "../checkpoint/layers.ts";
import { edgeRecords } from "../graph/edge_chain.ts";
import type { DeclaredState, LogicalOperator } from "../graph/logical.ts";
import type { Plan, PlannedEdge } from "../graph/plan.ts";
import type { SchemaJson } from "../state/compare_schemas.ts";
import { parseSchemas } from "../state/entry_codec.ts";
import { hasContent, openKeyedPart, readWith } from "../state/keyed_part.ts";
import { type Evolution, evolve, refusalOf } from "../state/migration.ts";
import { readOperatorPart } from "../state/operator_state.ts";
import { eventTimePart } from "../task/event_time.ts";
import { newHomes } from "./new_homes.ts";
import { edgesInFlight, type Snapshot, storedPart } from "./snapshot.ts";

/** What becomes of a piece of a snapshot, or of a place in the job. */
export type RestoreAction = "restored" | "converted" | "starts empty" | "dropped" | "refused";

/** What becomes of one declared state. */
export interface StateRestore {
  readonly name: string;
  readonly action: RestoreAction;
  /** How it is converted, or why it is refused. */
  readonly note: string | undefined;
}

/** What becomes of the state of one operator. */
export interface OperatorRestore {
  readonly uid: string;
  readonly action: RestoreAction;
  /** Its parallelism in the snapshot and in the job; undefined where it is not there. */
  readonly oldParallelism: number | undefined;
  readonly parallelism: number | undefined;
  readonly stateBytes: number;
  readonly states: readonly StateRestore[];
}

/** What becomes of the records under way on one edge. */
export interface EdgeRestore {
  readonly id: string;
  readonly action: RestoreAction;
  readonly records: number;
  readonly note: string | undefined;
}

/** What a restore would do. */
export interface RestorePlan {
  readonly location: string;
  readonly checkpoint: number;
  /** The job that the snapshot is of. */
  readonly job: string;
  readonly operators: readonly OperatorRestore[];
  /** Edges with records under way. */
  readonly edges: readonly EdgeRestore[];
  /** Why it is refused: all reasons, each naming the uid or edge; empty when it can be done. */
  readonly problems: readonly string[];
  /** What is dropped. */
  readonly warnings: readonly string[];
}

/** How the records under way on an edge are converted, by edge id. */
export type EdgeConversions = ReadonlyMap<string, Extract<Evolution, { kind: "converted" }>["convert"]>;

/** What {@link decideRestore} found out for the restore itself. */
export interface RestoreDecision {
  readonly plan: RestorePlan;
  readonly conversions: EdgeConversions;
  /** Edges of the job that take the records of others, by the ids of these in the snapshot. */
  readonly homes: ReadonlyMap<string, string>;
  /** Declared states that are dropped, by uid. */
  readonly dropped: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * @param allowDropped what has no home is dropped with a warning instead of being a problem
 * @throws {SluiceError} `CHECKPOINT_DAMAGED`, `STATE_DAMAGED`
 */
export async function decideRestore(snapshot: Snapshot, plan: Plan, allowDropped: boolean): Promise<RestoreDecision> {
  const { manifest, location } = snapshot;
  const problems: string[] = [];
  const warnings: string[] = [];
  const homeless = (what: readonly string[], words: string): RestoreAction => {
    if (what.length === 0) return "restored";
    if (allowDropped) warnings.push(`dropped: ${words}: ${what.join(", ")}`);
    else problems.push(`it has ${words}: ${what.join(", ")}`);
    return allowDropped ? "dropped" : "refused";
  };
  if (manifest.keyGroups !== plan.keyGroups) {
    problems.push(`it was taken with ${manifest.keyGroups} key groups, the job has ${plan.keyGroups} (they are fixed for life)`);
  }

  const operators = new Map(plan.tasks.flatMap((task) => task.operators.map((operator) => [operator.id, { operator, task }])));
  const oldParallelism = new Map(manifest.tasks.flatMap((task) => task.operators.map((uid) => [uid, task.parallelism])));
  const parts = new Map<string, ManifestPart[]>();
  for (const part of manifest.parts) {
    // How far event time had come in a task follows from its channels where the task is another one.
    if (part.name === eventTimePart && !operators.has(part.uid)) continue;
    const own = parts.get(part.uid);
    if (own === undefined) parts.set(part.uid, [part]);
    else own.push(part);
  }
  const gone = [...parts.keys()].filter((uid) => !operators.has(uid));
  const goneAction = homeless(gone, "state of operators that the job no longer has");

  const lostStates: string[] = [];
  const dropped = new Map<string, ReadonlySet<string>>();
  const described: OperatorRestore[] = [];
  for (const { operator, task } of operators.values()) {
    const own = parts.get(operator.id) ?? [];
    const states = own.length === 0 ? [] : await statesOf(snapshot, operator, own, allowDropped);
    const without = states.filter(({ action, note }) => action === "dropped" || (action === "refused" && note === undefined));
    lostStates.push(...without.map(({ name }) => `${name} of ${operator.id}`));
    if (without.length > 0) dropped.set(operator.id, new Set(without.map(({ name }) => name)));
    for (const { name, action, note } of states) {
      if (action === "refused" && note !== undefined) problems.push(`state ${name} of operator ${operator.id}: ${note}`);
    }
    const action: RestoreAction = own.length === 0
      ? "starts empty"
      : states.some((state) => state.action === "refused")
      ? "refused"
      : "restored";
    described.push({
      uid: operator.id,
      action,
      oldParallelism: oldParallelism.get(operator.id),
      parallelism: task.parallelism,
      stateBytes: bytesOf(own),
      states,
    });
  }
  homeless(lostStates, "states that their operators no longer have");
  const departed = gone.map((uid): OperatorRestore => {
    const stateBytes = bytesOf(parts.get(uid) ?? []);
    return { uid, action: goneAction, oldParallelism: oldParallelism.get(uid), parallelism: undefined, stateBytes, states: [] };
  });

  const homes = newHomes(manifest, plan);
  const { edges, conversions } = edgesOf(snapshot, plan, homes, homeless, problems);
  const { id: checkpoint, job } = manifest;
  const restorePlan = { location, checkpoint, job, operators: [...described, ...departed], edges, problems, warnings };
  return { plan: restorePlan, conversions, homes, dropped };
}

/** @throws {SluiceError} `CHECKPOINT_MISMATCH` naming everything that does not fit */
export function assertRestorable({ location, problems }: RestorePlan, job: string): void {
  if (problems.length === 0) return;
  throw new SluiceError("CHECKPOINT_MISMATCH", `cannot restore job ${job} from ${location}: ${problems.join("; ")}`);
}

function edgesOf(
  snapshot: Snapshot,
  plan: Plan,
  homes: ReadonlyMap<string, string>,
  homeless: (what: readonly string[], words: string) => RestoreAction,
  problems: string[],
): { readonly edges: readonly EdgeRestore[]; readonly conversions: EdgeConversions } {
  const held = [...edgesInFlight(snapshot.manifest)];
  const planned = new Map(plan.edges.map((edge) => [edge.id, edge]));
  const edgeOf = (id: string) => planned.get(homes.get(id) ?? id);
  const lostAction = homeless(
    held.filter((id) => edgeOf(id) === undefined),
    "records under way on edges that the job no longer has",
  );
  const judge = edgeJudge(snapshot, plan);
  const conversions = new Map<string, Extract<Evolution, { kind: "converted" }>["convert"]>();
  const edges = held.map((id): EdgeRestore => {
    const records = recordsOn(snapshot, id);
    const edge = edgeOf(id);
    if (edge === undefined) return { id, action: lostAction, records, note: undefined };
    const moved = edge.id === id ? [] : [`they go on edge ${edge.id}`];
    const verdict = judge(id, edge);
    if (verdict.kind === "refused") {
      const note = verdict.path === "" ? verdict.reason : refusalOf(verdict);
      problems.push(`the ${records} records under way on edge ${id}: ${note}`);
      return { id, action: "refused", records, note };
    }
    if (verdict.kind === "as it is") return { id, action: "restored", records, note: moved[0] };
    conversions.set(id, verdict.convert);
    return { id, action: "converted", records, note: [verdict.how, ...moved].join("; ") };
  });
  return { edges, conversions };
}

/** Whether records under way may be given to the new job (protocol 11.2). */
function edgeJudge({ manifest }: Snapshot, plan: Plan): (id: string, edge: PlannedEdge) => Evolution {
  const recordsOf = edgeRecords(plan);
  const stored = new Map(manifest.edges?.map((edge) => [edge.id, edge]));
  return (id, edge) => {
    const old = stored.get(id);
    const { schema, chain } = recordsOf(edge);
    if (old === undefined) return { kind: "as it is" };
    if (old.schema !== undefined && schema !== undefined) return evolve(old.schema as SchemaJson, schema);
    if (old.chain === chain) return { kind: "as it is" };
    const reason =
      "the operators above it are others, and the edge has no schema by which its records could be judged: give it " +
      "one before the savepoint is taken (emits, or .as(Schema)), or restore from an aligned savepoint";
    return { kind: "refused", path: "", reason };
  };
}

/** What becomes of the declared states of one operator. A refused one without a note has no home. */
async function statesOf(
  snapshot: Snapshot,
  operator: LogicalOperator,
  parts: readonly ManifestPart[],
  allowDropped: boolean,
): Promise<readonly StateRestore[]> {
  const declared = operator.role.kind === "transform" ? operator.role.states : undefined;
  if (declared === undefined) return [];
  const found = await storedStates(snapshot, operator.id, parts);
  const states = [...found].map(([name, { kind, keySchema, schema }]): StateRestore => {
    const state = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (state === undefined) return { name, action: allowDropped ? "dropped" : "refused", note: undefined };
    return { name, ...judgeState(kind, keySchema, schema, state) };
  });
  const fresh = Object.keys(declared).filter((name) => !found.has(name));
  return [...states, ...fresh.map((name): StateRestore => ({ name, action: "starts empty", note: undefined }))];
}

function judgeState(
  kind: string,
  keySchema: SchemaJson | undefined,
  schema: SchemaJson | undefined,
  state: DeclaredState,
): Pick<StateRestore, "action" | "note"> {
  if (state.kind !== kind) {
    return { action: "refused", note: `it is a ${state.kind}, but was a ${kind}: declare it as it was, or under another name` };
  }
  const keys = evolve(keySchema, state.keySchema);
  if (keys.kind !== "as it is") return { action: "refused", note: "its map keys have another schema" };
  const values = evolve(schema, state.schema as TSchema | undefined);
  if (values.kind === "as it is") return { action: "restored", note: undefined };
  if (values.kind === "converted") return { action: "converted", note: values.how };
  return {
    action: "refused",
    note: `${refusalOf(values)}; change the schema so that it takes the old values, or give it a migration (migrating)`,
  };
}

interface StoredState {
  readonly kind: string;
  readonly keySchema: SchemaJson | undefined;
  readonly schema: SchemaJson | undefined;
}

/** Every subtask says the same of its states, but one without content may be missing. */
async function storedStates(
  snapshot: Snapshot,
  uid: string,
  parts: readonly ManifestPart[],
): Promise<ReadonlyMap<string, StoredState>> {
  const states = new Map<string, StoredState>();
  for (const part of parts) {
    if (part.name.startsWith("~")) continue;
    const { subtask, scope, name: own, layers } = storedPart(snapshot, part);
    if (scope === "keyed") {
      for (const layer of layers) {
        const opened = await readWith(layer, openKeyedPart(uid, subtask, layer.length));
        for (const [index, { name, kind, description }] of opened.sections.entries()) {
          if (name.startsWith("~") || (!hasContent(opened, index) && states.has(name))) continue;
          if (!["value", "list", "map"].includes(kind)) continue;
          const { key, value } = parseSchemas(description);
          states.set(name, { kind, keySchema: key, schema: value });
        }
      }
    } else if (scope === "split" || scope === "replicate") {
      for (const layer of layers) {
        const { description } = readOperatorPart(uid, { name: own, subtask, bytes: await layer.read(0, layer.length) });
        const schema = description === "" ? undefined : JSON.parse(description) as SchemaJson;
        states.set(own, { kind: scope, keySchema: undefined, schema });
      }
    }
  }
  return states;
}

function recordsOn({ manifest }: Snapshot, edge: string): number {
  return manifest.channels.reduce((sum, channel) => sum + (channel.edge === edge ? channel.records : 0), 0);
}

function bytesOf(parts: readonly ManifestPart[]): number {
  return parts.reduce((sum, part) => sum + partBytes(part), 0);
}
