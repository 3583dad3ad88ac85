import type { Random } from "../../actors/random.ts";
import { channelsOf } from "../../runtime/graph/channel.ts";
import type { EdgeMode, LogicalEdge, LogicalGraph, LogicalOperator, Partitioner } from "../../runtime/graph/logical.ts";
import type { OperatorFactory } from "../../runtime/graph/operator.ts";
import { plan } from "../../runtime/graph/planner.ts";
import { broadcastPort } from "../../runtime/operators/broadcast_process.ts";
import { watermarksOperator } from "../../runtime/operators/watermarks.ts";
import type { Faults } from "./faults.ts";
import type { SimRecord } from "./record.ts";
import { type Replicas, ruledOperator, type SimKind, simOperator, transforms } from "./sim_operators.ts";
import { RevocableSink, SimSink } from "./sim_sink.ts";
import { SimSource } from "./sim_source.ts";

/** A job drawn from a seed, and what it must come to. */
export interface RandomJob {
  readonly graph: LogicalGraph;
  /** Another parallelism of its operators; those that are joined by forward edges keep to the same. */
  redraw(random: Random): Record<string, number>;
  readonly sink: SimSink;
  /** Every id that must become visible, once for each time it stands here. */
  readonly expected: readonly string[];
  /** Whether every task has a single input channel. */
  readonly singleInput: boolean;
  /** Said by operators that saw records out of order. */
  readonly disorder: string[];
  /** How many records were read and written so far, in all attempts. */
  moved(): number;
  /** How many replicas of broadcast rules were found to be right at the end of their input. */
  rightReplicas(): number;
  describe(): string;
}

interface DrawnEdge {
  readonly from: number;
  readonly partitioner: DealtOut;
  readonly mode: EdgeMode;
  readonly feedback?: boolean;
}

interface Drawn {
  readonly uid: string;
  readonly kind: SimKind | "source" | "watermarks" | "sink";
  readonly parallelism: number;
  readonly ins: DrawnEdge[];
  /** Records of one split and key reach it in order. */
  ordered: boolean;
}

type DealtOut = "forward" | "rebalance" | "keyBy" | "custom" | "broadcast";

/** What a random job may have. */
export interface JobLimits {
  readonly maxRecords: number;
  /** What the slowest operators take for a record at most. */
  readonly slowestMs: number;
  readonly chain: boolean;
  readonly edgeModes: boolean;
  /** The chance of a loop at each stage; there are two at most. */
  readonly loopChance: number;
  /** Its parallelism may change: then records keep their order on fewer ways. */
  readonly rescales: boolean;
  /** Somebody may go back to a savepoint. */
  readonly returns: boolean;
  /** How much feedback may wait in memory at the heads of loops. @default as much as for any job */
  readonly feedbackBytes: number | undefined;
}

/** A size from 1 to `most`, log-uniform: many small and few large. */
export function drawSize(random: Random, most: number): number {
  return Math.min(most, Math.floor((most + 1) ** random.next()));
}

/**
 * Draws a job: 1 to 6 stages of parallelism 1 to 4 between one or two sources and a sink, the small ones more often; unions,
 * double edges, loops; in one of five a source of rules that are broadcast to a stage.
 */
export function randomJob(
  random: Random,
  faults: Faults,
  limits: JobLimits,
  sleep: (delayMs: number, wake: () => void) => void,
): RandomJob {
  const drawn = limits.chain ? drawChain(random) : drawGraph(random, limits);
  const disorder: string[] = [];
  const replicas: Replicas = { expected: [], said: disorder, right: 0 };
  const sink = limits.returns ? new RevocableSink(faults) : new SimSink(faults);
  const slowness = random.fork("slowness");
  const delays = drawn.map(() => (slowness.chance(0.7) ? slowness.next() * slowness.pick([1.5, 1.5, limits.slowestMs]) : 0));
  const sources = new Map<number, SimSource>();
  const operators: LogicalOperator[] = drawn.map((operator, index) => {
    const { uid, parallelism, kind } = operator;
    const base = { id: uid, named: true, kind, parallelism, emits: undefined };
    if (kind === "source") {
      const source = new SimSource(drawData(random.fork(uid), uid, limits.maxRecords), 0.5 + random.next() * 3);
      sources.set(index, source);
      if (uid === "rules") replicas.expected.push(...[...source.data.values()].flat().map(({ id }) => id));
      return { ...base, role: { kind: "source", source } };
    }
    if (kind === "sink") return { ...base, role: { kind: "sink", sink: sink as never } };
    if (kind === "watermarks") {
      const create = watermarksOperator<SimRecord>((record) => record.at, { outOfOrderMs: 10 });
      return { ...base, role: { kind: "transform", create: create as unknown as OperatorFactory<never>, head: false } };
    }
    const watch = operator.ordered
      ? (at: string, record: SimRecord) => disorder.push(`${record.id} of ${record.split} out of order at ${at}`)
      : undefined;
    if (kind === "ruled") {
      return { ...base, role: { kind: "transform", create: ruledOperator(uid, faults, replicas), head: true } };
    }
    const delayMs = (record: SimRecord) => (record.place % 3 === 0 ? delays[index] ?? 0 : 0);
    const role = { kind: "transform", ...simOperator(kind, uid, faults, { delayMs, sleep, disordered: watch }) } as const;
    const { feedbackBytes } = limits;
    return { ...base, role: kind === "loop" && feedbackBytes !== undefined ? { ...role, feedbackBytes } : role };
  });
  const edges: LogicalEdge[] = [];
  for (const [index, operator] of drawn.entries()) {
    for (const { from, partitioner, mode, feedback = false } of operator.ins) {
      const pair = `${drawn[from]?.uid}->${drawn[index]?.uid}`;
      const twins = edges.filter((edge) => edge.id.startsWith(pair)).length;
      edges.push({
        id: twins === 0 ? pair : `${pair}#${twins + 1}`,
        from: drawn[from]?.uid as string,
        to: operator.uid,
        partitioner: partitionerOf(partitioner),
        mode,
        timed: true,
        feedback,
        ...(partitioner === "broadcast" ? { port: broadcastPort } : {}),
      });
    }
  }
  const graph: LogicalGraph = { name: "simulated", operators, edges, keyGroups: 8 };
  const inputs = new Map<string, number>();
  for (const channel of channelsOf(plan(graph, { parallelism: 1 }))) {
    const receiver = `${channel.edge.to}/${channel.receiver}`;
    inputs.set(receiver, (inputs.get(receiver) ?? 0) + 1);
  }
  return {
    graph,
    redraw: (random) => redraw(random, drawn),
    sink,
    expected: reference(drawn, sources),
    singleInput: !limits.rescales && [...inputs.values()].every((count) => count <= 1),
    disorder,
    moved: () => [...sources.values()].reduce((sum, source) => sum + source.read, sink.written),
    rightReplicas: () => replicas.right,
    describe: () =>
      drawn.map(({ uid, parallelism, ins }) => {
        const from = ins.map(({ from, partitioner, mode, feedback }) =>
          `${drawn[from]?.uid} ${feedback ? "back " : ""}${partitioner}${mode ? ` ${mode}` : ""}`
        );
        return `${uid} x${parallelism}${from.length > 0 ? ` <- ${from.join(", ")}` : ""}`;
      }).join("; "),
  };
}

function drawGraph(random: Random, limits: JobLimits): Drawn[] {
  const drawn: Drawn[] = [];
  const sources = random.chance(0.35) ? 2 : 1;
  for (let i = 0; i < sources; i++) {
    drawn.push({ uid: `source${i}`, kind: "source", parallelism: drawSize(random, 3), ins: [], ordered: true });
  }
  const stages = drawSize(random, 6);
  const ruling = random.fork("rules");
  const rules = ruling.chance(0.2) ? drawn.length : undefined;
  const ruledStage = ruling.int(stages);
  if (rules !== undefined) drawn.push({ uid: "rules", kind: "source", parallelism: 1 + ruling.int(2), ins: [], ordered: true });
  let last = 0;
  if (random.chance(0.3)) {
    const ins: DrawnEdge[] = [{ from: 0, partitioner: "forward", mode: undefined }];
    drawn.push({ uid: "watermarks", kind: "watermarks", parallelism: drawn[0]?.parallelism as number, ins, ordered: true });
    last = drawn.length - 1;
  }
  const kinds: readonly SimKind[] = ["map", "filter", "flatMap", "keyed", "keyed", "slow", "slow", "timer"];
  const add = (uid: string, kind: Drawn["kind"], from: readonly number[], parallelism: number): Drawn => {
    const operator: Drawn = { uid, kind, parallelism, ins: [], ordered: false };
    for (const sender of from) operator.ins.push(drawEdge(random, drawn[sender] as Drawn, sender, operator, limits));
    if (kind === "ruled") operator.ins.push({ from: rules as number, partitioner: "broadcast", mode: undefined });
    operator.ordered = kind !== "timer" && kind !== "loop" && kind !== "ruled" &&
      operator.ins.every((edge) => drawn[edge.from]?.ordered && edge.partitioner !== "rebalance") &&
      (!limits.rescales || operator.ins.every((edge) => staysOrdered(edge, operator, drawn))) &&
      (operator.kind !== "keyed" || operator.ins.every((edge) => edge.partitioner === "keyBy")) &&
      new Set(operator.ins.map((edge) => edge.from)).size === operator.ins.length;
    drawn.push(operator);
    return operator;
  };
  let loops = 0;
  for (let stage = 0; stage <= stages; stage++) {
    const looped = loops < 2 && random.chance(limits.loopChance);
    if (looped) {
      last = drawLoop(random, drawn, add, last, { number: loops++, side: sources === 2 && random.chance(0.6), limits });
    }
    // Something slow behind a loop holds up what is in it, such as its last watermark.
    const usual = stage === stages ? "sink" : looped && random.chance(0.5) ? "slow" : random.pick(kinds);
    const kind = rules !== undefined && stage === ruledStage ? "ruled" : usual;
    const parallelism = random.chance(0.3) ? drawn[last]?.parallelism as number : drawSize(random, 4);
    const from = [last];
    if (random.chance(0.12)) from.push(last); // two edges between the same two
    if (sources === 2 && stage === Math.min(stages, 1)) from.push(1); // a union
    add(`${kind}${stage}`, kind, from, parallelism);
    last = drawn.length - 1;
  }
  return drawn;
}

/** A loop: its head, one to three operators, what goes back and what leaves. `side`: the second source flows into its middle. */
function drawLoop(
  random: Random,
  drawn: Drawn[],
  add: (uid: string, kind: Drawn["kind"], from: readonly number[], parallelism: number) => Drawn,
  before: number,
  { number, side, limits }: { readonly number: number; readonly side: boolean; readonly limits: JobLimits },
): number {
  const kinds: readonly SimKind[] = ["map", "filter", "flatMap", "keyed", "keyed", "slow", "timer", "timer", "timer", "alarm"];
  const head = add(`loop${number}`, "loop", [before], drawSize(random, 3));
  const length = drawSize(random, 3);
  for (let i = 0; i < length; i++) {
    const kind = random.pick(kinds);
    const from = [drawn.length - 1];
    if (side && i === 0) from.push(1);
    add(`${kind}L${number}${i}`, kind, from, random.chance(0.4) ? head.parallelism : drawSize(random, 3));
  }
  const tail = drawn.length - 1;
  const parallelism = () => (random.chance(0.5) ? drawn[tail]?.parallelism as number : drawSize(random, 3));
  const again = add(`again${number}`, "again", [tail], parallelism());
  const back = drawEdge(random, again, drawn.length - 1, head, limits);
  head.ins.push({ ...back, feedback: true });
  add(`leave${number}`, "leave", [tail], parallelism());
  return drawn.length - 1;
}

/** A job whose tasks have one input channel each. */
function drawChain(random: Random): Drawn[] {
  const drawn: Drawn[] = [{ uid: "source0", kind: "source", parallelism: 1, ins: [], ordered: true }];
  const stages = 1 + random.int(4);
  for (let stage = 0; stage <= stages; stage++) {
    const kind = stage === stages ? "sink" : random.pick(["map", "keyed", "slow"] as const);
    const partitioner = kind === "keyed" ? "keyBy" : "forward";
    const ins = [{ from: drawn.length - 1, partitioner, mode: undefined }] as const;
    drawn.push({ uid: `${kind}${stage}`, kind, parallelism: 1, ins: [...ins], ordered: true });
  }
  return drawn;
}

function drawEdge(random: Random, sender: Drawn, from: number, receiver: Drawn, limits: JobLimits): Drawn["ins"][number] {
  const mode: EdgeMode = limits.edgeModes && random.chance(0.3) ? random.pick(["aligned", "unaligned"] as const) : undefined;
  const partitioner =
    receiver.kind === "keyed" || receiver.kind === "timer" || receiver.kind === "alarm" || receiver.kind === "ruled"
      ? "keyBy"
      : sender.parallelism === receiver.parallelism && random.chance(0.5)
      ? "forward"
      : random.pick(["rebalance", "keyBy", "custom"] as const);
  return { from, partitioner, mode };
}

function partitionerOf(kind: DealtOut): Partitioner {
  if (kind === "keyBy") return { kind, keyOf: ((record: SimRecord) => record.key) as never };
  if (kind !== "custom") return { kind };
  return { kind, label: "key", indexOf: ((record: SimRecord, receivers: number) => (record.key * 7 + 3) % receivers) as never };
}

/**
 * Whether records keep their order on an edge when the parallelism changes: not on a forward edge whose records have no key
 * group, unless both ends run as one task, since what was under way on it and what comes then may have different receivers.
 */
function staysOrdered(edge: Drawn["ins"][number], to: Drawn, drawn: readonly Drawn[]): boolean {
  if (edge.partitioner !== "forward" || hasKeyGroups(drawn[edge.from] as Drawn, drawn)) return true;
  return to.ins.length === 1 && to.kind !== "slow" && to.kind !== "keyed";
}

function hasKeyGroups(operator: Drawn, drawn: readonly Drawn[]): boolean {
  return operator.ins.length > 0 &&
    operator.ins.every(({ partitioner, from }) =>
      partitioner === "keyBy" || (partitioner === "forward" && hasKeyGroups(drawn[from] as Drawn, drawn))
    );
}

function redraw(random: Random, drawn: readonly Drawn[]): Record<string, number> {
  const group = new Map<string, string>();
  for (const { uid, ins } of drawn) {
    const joined = ins.filter(({ partitioner, feedback }) => partitioner === "forward" && feedback !== true).map(({ from }) =>
      drawn[from]?.uid as string
    );
    const own = joined.length === 0 ? uid : group.get(joined[0] as string) as string;
    group.set(uid, own);
    const others = new Set(joined.map((other) => group.get(other) as string));
    for (const [member, of] of group) if (others.has(of)) group.set(member, own);
  }
  const of = new Map<string, number>();
  for (const name of new Set(group.values())) of.set(name, drawSize(random, 4));
  return Object.fromEntries([...group].map(([uid, name]) => [uid, of.get(name) as number]));
}

function drawData(random: Random, uid: string, maxRecords: number): Map<string, SimRecord[]> {
  const data = new Map<string, SimRecord[]>();
  const splits = drawSize(random, 4);
  for (let s = 0; s < splits; s++) {
    const split = `${uid}/${s}`;
    const count = drawSize(random, maxRecords);
    data.set(
      split,
      Array.from({ length: count }, (_, place) => {
        return { id: `${uid}.${s}.${place}`, tags: "", key: random.int(8), at: place * 10, split, place, round: 0 };
      }),
    );
  }
  return data;
}

/**
 * What a plain loop makes of the same data: every operator applied to every record, with keyed ones counting ids. The order in
 * which records go does not matter to the result.
 */
function reference(drawn: readonly Drawn[], sources: ReadonlyMap<number, SimSource>): string[] {
  const followers = drawn.map((_, from) =>
    drawn.flatMap(({ ins }, to) => ins.filter((edge) => edge.from === from).map(() => to))
  );
  const seen = drawn.map(() => new Map<string, number>());
  const result: string[] = [];
  const apply = ({ kind, uid }: Drawn, index: number, record: SimRecord): readonly SimRecord[] => {
    const id = `${record.id}${record.tags}`;
    if (kind === "source" || kind === "watermarks") return [record];
    if (kind === "sink") return result.push(id), [];
    if (kind !== "keyed") return transforms[kind](uid)(record);
    const count = (seen[index]?.get(id) ?? 0) + 1;
    seen[index]?.set(id, count);
    return [{ ...record, tags: `${record.tags}#${count}` }];
  };
  const waiting: [number, SimRecord][] = [];
  for (const [index, { data }] of sources) for (const record of [...data.values()].flat()) waiting.push([index, record]);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [index, record] = next;
    for (const made of apply(drawn[index] as Drawn, index, record)) {
      for (const to of followers[index] ?? []) waiting.push([to, made]);
    }
  }
  return result;
}
