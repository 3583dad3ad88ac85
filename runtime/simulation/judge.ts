import type { CheckpointMode } from "../checkpoint/manifest.ts";
import type { JobEvent } from "../master/event.ts";
import { compareOrder, compareOutside, compareRecords, type Strictness } from "./compare.ts";
import type { Visible } from "./ledger.ts";
import type { Played } from "./played.ts";
import type { Violation } from "./violation.ts";

/** What of an output is compared, and how. */
export interface Comparison {
  /**
   * What is compared of a record; `undefined`: nothing of it. Leave out what may differ from run to run, such as times, or counts
   * that depend on the order in which records of several splits come.
   * @default the record
   */
  readonly view?: ((record: unknown, uid: string) => unknown) | undefined;
  /**
   * Within one key, records of a transactional sink must come in the order in which they come without faults.
   * @default order does not matter
   */
  readonly orderBy?: ((record: unknown, uid: string) => unknown) | undefined;
}

/** Compares a run with one without faults, and looks at what no run may show. */
export function judge(
  actual: Played,
  expected: Played,
  mode: CheckpointMode,
  comparison: Comparison | undefined,
): Violation[] {
  const violations = [...actual.violations, ...brokenRules(actual)];
  // What has not come to its end has not shown everything: that is no second violation.
  if (comparison === undefined || violations.some(({ kind }) => kind === "liveness")) return violations;
  const atLeastOnce = mode === "at-least-once";
  const outputs = new Map(actual.visible.map((visible) => [visible.uid, visible]));
  for (const want of expected.visible) {
    const got = outputs.get(want.uid);
    if (got === undefined) continue;
    violations.push(...compareSink(want, got, atLeastOnce, comparison));
  }
  const weak = atLeastOnce || expected.visible.some(({ delivery }) => delivery === "at-least-once");
  const strictness: Strictness = weak ? "at least once" : "exactly once";
  for (const [name, want] of expected.compared) {
    violations.push(...compareOutside(name, want, actual.compared.get(name), strictness));
  }
  const [wanted, written] = [linesByFolder(expected), linesByFolder(actual)];
  for (const folder of new Set([...wanted.keys(), ...written.keys()])) {
    violations.push(
      ...compareRecords(`the files of ${folder}`, wanted.get(folder) ?? [], written.get(folder) ?? [], strictness),
    );
  }
  return violations;
}

function compareSink(want: Visible, got: Visible, atLeastOnce: boolean, { view, orderBy }: Comparison): Violation[] {
  const { uid, delivery } = want;
  const seen = ({ records }: Visible) =>
    view === undefined ? records : records.map((record) => view(record, uid)).filter((of) => of !== undefined);
  const strictness = atLeastOnce || delivery === "at-least-once"
    ? "at least once"
    : delivery === "idempotent"
    ? "same set"
    : "exactly once";
  const found = compareRecords(`sink "${uid}"`, seen(want), seen(got), strictness);
  if (orderBy === undefined || strictness !== "exactly once") return found;
  return [...found, ...compareOrder(`sink "${uid}"`, want.records, got.records, (record) => orderBy(record, uid))];
}

/** Rules that hold whatever the job does. */
function brokenRules({ events, deployment }: Played): Violation[] {
  const found: string[] = [];
  let latest = 0;
  let attempt = 0;
  const completed = new Set<number>();
  const inOrder = deployment === "process"; // of two coordinators one may tell late what it has seen
  for (const event of events) {
    if (event.kind === "checkpoint-completed") {
      if (inOrder && event.checkpoint <= latest) found.push(`checkpoint ${event.checkpoint} completed after ${latest}`);
      if (completed.has(event.checkpoint)) found.push(`checkpoint ${event.checkpoint} completed twice`);
      completed.add(latest = event.checkpoint);
    } else if (event.kind === "checkpoint-aborted") {
      if (isRefuted(event)) found.push(`checkpoint ${event.checkpoint} does not add up: ${event.reason}`);
    } else if (event.kind === "started") {
      if (inOrder && event.attempt <= attempt) found.push(`attempt ${event.attempt} started after ${attempt}`);
      attempt = event.attempt;
    }
  }
  return found.map((text) => ({ kind: "invariant", text }));
}

function isRefuted(event: Extract<JobEvent, { kind: "checkpoint-aborted" }>): boolean {
  return (event.cause as { readonly code?: unknown } | undefined)?.code === "CAPTURE_REFUTED";
}

/** The lines of all files that are no hidden ones, by folder: in what file a line stands depends on when checkpoints were. */
function linesByFolder({ files }: Played): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  const decoder = new TextDecoder();
  for (const [path, bytes] of files) {
    const end = path.lastIndexOf("/");
    if (path.slice(end + 1).startsWith(".")) continue;
    const folder = path.slice(0, end) || "/";
    const lines = decoder.decode(bytes).split("\n").filter((line) => line !== "");
    folders.set(folder, [...folders.get(folder) ?? [], ...lines]);
  }
  return folders;
}
