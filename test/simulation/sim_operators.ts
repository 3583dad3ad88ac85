import { Type } from "@sinclair/typebox";
import type { OperatorFactory } from "../../runtime/graph/operator.ts";
import { connectedOperator, type KeyedConnectedProcessDefinition } from "../../runtime/operators/broadcast_process.ts";
import { processOperator } from "../../runtime/operators/process.ts";
import { map, replicate, type ReplicateDescriptor, type, value } from "../../runtime/state/descriptor.ts";
import type { Faults } from "./faults.ts";
import { iterateOperator } from "../../runtime/operators/iterate.ts";
import { hashOf, roundsOf, type SimRecord } from "./record.ts";

/** What an operator makes of a record, apart from what it counts: the reference computes with the same function. */
export type Transform = (record: SimRecord) => readonly SimRecord[];

/** The kinds of operators in simulated jobs. */
export type SimKind =
  | "map"
  | "filter"
  | "flatMap"
  | "keyed"
  | "slow"
  /** Keeps records until event time has passed them, or until the wall clock has come a little further. */
  | "timer"
  | "alarm"
  /** Has a replica of rules that are broadcast to it. */
  | "ruled"
  /** The head of a loop; what goes back to it, and what leaves it. */
  | "loop"
  | "again"
  | "leave";

export const transforms: Readonly<Record<SimKind, (uid: string) => Transform>> = {
  map: (uid) => (record) => [{ ...record, id: `${record.id}.${uid}` }],
  filter: (uid) => (record) => (hashOf(record.id + uid) % 6 === 0 ? [] : [record]),
  flatMap: (uid) => (record) =>
    hashOf(record.id + uid) % 4 === 0 ? [{ ...record, id: `${record.id}a` }, { ...record, id: `${record.id}b` }] : [record],
  keyed: () => (record) => [record],
  slow: () => (record) => [record],
  timer: () => (record) => [record],
  alarm: () => (record) => [record],
  ruled: () => (record) => (record.split.startsWith("rules/") ? [] : [record]),
  loop: () => (record) => [record],
  // The mark of a round names its loop: copies that came to the same place by different loops are different records.
  again: (uid) => (record) =>
    record.round < roundsOf(record, loopOf(uid))
      ? [{ ...record, id: `${record.id}~${numberOf(uid)}`, round: record.round + 1 }]
      : [],
  leave: (uid) => (record) => (record.round === roundsOf(record, loopOf(uid)) ? [{ ...record, round: 0 }] : []),
};

/** `again3` and `leave3` belong to `loop3`. */
function loopOf(uid: string): string {
  return `loop${numberOf(uid)}`;
}

function numberOf(uid: string): string | undefined {
  return /\d+$/.exec(uid)?.[0];
}

/** Told when a keyed operator sees records of one split and key out of order. */
export type OrderWatch = (uid: string, record: SimRecord) => void;

/** Makes the operator of that kind, with faults in it. */
export function simOperator(
  kind: SimKind,
  uid: string,
  faults: Faults,
  options: {
    readonly delayMs: (record: SimRecord) => number;
    /** Operators have no clock of their own: the scenario lends them that of the process they run in. */
    readonly sleep: (delayMs: number, wake: () => void) => void;
    readonly disordered: OrderWatch | undefined;
  },
): { create: OperatorFactory<never>; head: boolean } {
  if (kind === "keyed") return { create: keyedOperator(uid, faults, options.disordered), head: true };
  if (kind === "timer" || kind === "alarm") return { create: timerOperator(kind, uid, faults), head: true };
  if (kind === "loop") return { create: iterateOperator() as unknown as OperatorFactory<never>, head: true };
  const transform = transforms[kind](uid);
  const create: OperatorFactory<SimRecord, SimRecord> = (context, out) => ({
    process(record) {
      faults.strike("process", uid);
      if (kind !== "slow") {
        for (const result of transform(record)) out.collect(result);
        return;
      }
      const delayMs = options.delayMs(record);
      if (delayMs === 0) return out.collect(record);
      context.suspend(
        new Promise<void>((resolve) => options.sleep(delayMs, resolve)).then(() => {
          if (!context.signal.aborted) out.collect(record);
        }),
      );
    },
    snapshot() {
      faults.strike("snapshot", uid);
      return [];
    },
  });
  return { create: create as unknown as OperatorFactory<never>, head: kind === "slow" };
}

type CountingStates = {
  readonly seen: ReturnType<typeof seenState>;
  readonly last: ReturnType<typeof seenState>;
  readonly total: ReturnType<typeof totalState>;
};

/**
 * Counts each record by its id, in keyed state: whatever was processed twice, or forgotten, shows in its tags. So does a total in
 * a state that may be in rows, when it is not as old as the count in another one.
 */
function keyedOperator(uid: string, faults: Faults, disordered: OrderWatch | undefined): OperatorFactory<never> {
  return processOperator<SimRecord, number, CountingStates, ReturnType<typeof type<SimRecord>>>({
    state: { seen: seenState(), last: seenState(), total: totalState() },
    emits: type<SimRecord>(),
    onRecord(record, ctx) {
      faults.strike("process", uid);
      const id = `${record.id}${record.tags}`;
      const count = (ctx.state.seen.get(id) ?? 0) + 1;
      ctx.state.seen.set(id, count);
      const last = ctx.state.last.get(record.split) ?? -1;
      if (record.place < last) disordered?.(uid, record);
      else ctx.state.last.set(record.split, record.place);
      const records = (ctx.state.last.get("records") ?? 0) + 1;
      ctx.state.last.set("records", records);
      const total = ctx.state.total.mutate((it) => {
        it.places += record.place / 2;
        return ++it.records;
      });
      ctx.emit({ ...record, tags: `${record.tags}#${count}${total === records ? "" : `, but ${total} of ${records}`}` });
    },
  }, { keyOf: (record) => record.key }) as unknown as OperatorFactory<never>;
}

/** Keeps each record in keyed state until its timer fires: a loop must not end before. */
function timerOperator(kind: "timer" | "alarm", uid: string, faults: Faults): OperatorFactory<never> {
  return processOperator<SimRecord, number, { kept: ReturnType<typeof keptState> }, ReturnType<typeof type<SimRecord>>>({
    state: { kept: keptState() },
    emits: type<SimRecord>(),
    onRecord(record, ctx) {
      faults.strike("process", uid);
      const name = `${record.id}${record.tags}`;
      ctx.state.kept.set(name, [...ctx.state.kept.get(name) ?? [], record]);
      if (kind === "timer") ctx.timers.event(record.at + 15, name);
      else ctx.timers.processing(ctx.now() + 1 + record.place % 4, name);
    },
    onTimer({ name = "" }, ctx) {
      for (const record of ctx.state.kept.get(name) ?? []) ctx.emit(record);
      ctx.state.kept.delete(name);
    },
  }, { keyOf: (record) => record.key }) as unknown as OperatorFactory<never>;
}

/** What replicas must hold at the end of input, in any order, and where it is said that one does not. */
export interface Replicas {
  readonly expected: string[];
  readonly said: string[];
  /** How many held just that. */
  right: number;
}

/** Passes records on, beside a replica of every rule. */
export function ruledOperator(uid: string, faults: Faults, replicas: Replicas): OperatorFactory<never> {
  return connectedOperator(
    {
      state: {},
      broadcastState: { rules: replicate(type<readonly string[]>(), []) },
      emits: type<SimRecord>(),
      onBroadcast(rule, ctx) {
        faults.strike("process", uid);
        ctx.broadcast.rules.set([...ctx.broadcast.rules.get(), rule.id]);
      },
      onRecord(record, ctx) {
        faults.strike("process", uid);
        ctx.emit(record);
      },
      onEnd(ctx) {
        const held = [...ctx.broadcast.rules.get()].sort();
        if (held.join() === replicas.expected.toSorted().join()) replicas.right++;
        else replicas.said.push(`a replica of ${uid} holds ${held.join()} instead of ${replicas.expected.join()}`);
      },
    } satisfies RuledDefinition,
    { keyOf: (record: SimRecord) => record.key },
  ) as unknown as OperatorFactory<never>;
}

type RuledDefinition = KeyedConnectedProcessDefinition<
  SimRecord,
  SimRecord,
  number,
  Readonly<Record<never, never>>,
  { readonly rules: ReplicateDescriptor<readonly string[]> },
  ReturnType<typeof type<SimRecord>>
>;

function keptState() {
  return map(Type.String(), type<readonly SimRecord[]>());
}

function totalState() {
  return value(type<{ records: number; places: number }>(), { records: 0, places: 0 });
}

function seenState() {
  return map(Type.String(), Type.Number());
}
