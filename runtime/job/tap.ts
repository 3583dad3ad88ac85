import type { Key } from "../graph/key.ts";
import type { EdgeMode, Partitioner } from "../graph/logical.ts";

/** One way by which records reach the next operator: from which operator, and how they are dealt out. */
export interface Tap {
  readonly from: string;
  readonly partitioner: Partitioner;
  readonly mode: EdgeMode;
  readonly timed: boolean;
  /** The side output it takes. @default the main one */
  readonly side?: string;
  /** Which input of the operator it becomes. @default 0 */
  readonly port?: number;
}

/** What an operator gives, to be dealt out as the plan finds best. */
export function forward(from: string, timed: boolean): Tap {
  return { from, partitioner: { kind: "forward" }, mode: undefined, timed };
}

/** The same taps, dealt out by key; `label` is what plans and messages call it. */
export function byKey(taps: readonly Tap[], label: string, keyOf: (value: never) => Key): readonly Tap[] {
  return taps.map((tap) => ({ ...tap, partitioner: { kind: "keyBy", keyOf, label } }));
}

/** The same taps, whose barriers go in one mode whatever that of the job. */
export function inMode(taps: readonly Tap[], mode: EdgeMode): readonly Tap[] {
  return taps.map((tap) => ({ ...tap, mode }));
}

/** Whether every record that comes by these taps has an event time. */
export function areTimed(taps: readonly Tap[]): boolean {
  return taps.every((tap) => tap.timed);
}
