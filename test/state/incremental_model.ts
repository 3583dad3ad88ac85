import { type Key, keyGroupOf } from "../../runtime/graph/key.ts";

export const keyGroupCount = 8;

/** Mostly a record of numbers; now and then one with a further field. */
export interface Totals {
  count: number;
  half: number;
  note?: string;
}

/** What a cut is to have. */
export interface Expected {
  readonly states: unknown[];
  readonly timers: (readonly unknown[])[];
  readonly windows: (readonly unknown[])[];
}

/** What the state should be, kept in the plainest way. */
export class Model {
  readonly states = new Map<Key, { n: number; log: number[]; l: number[]; m: Map<string, { x: number }>; r: Totals }>();
  timers: { at: number; name: string | undefined; key: Key }[] = [];
  windows: { end: number; key: Key; value: { sum: number } }[] = [];

  of(key: Key) {
    let state = this.states.get(key);
    if (state === undefined) this.states.set(key, state = { n: 0, log: [], l: [], m: new Map(), r: { count: 0, half: 0 } });
    return state;
  }

  copy(keys: readonly Key[]): Expected {
    const group = (key: Key) => keyGroupOf(key, keyGroupCount);
    const states = keys.map((key) => {
      const { n, log, l, m, r } = this.of(key);
      return structuredClone([key, n, { log }, l, [...m], r]);
    }).filter(([, n, o, l, m, r]) => {
      return n !== 0 || (r as Totals).count !== 0 || (o as { log: number[] }).log.length > 0 || (l as []).length > 0 ||
        (m as []).length > 0;
    });
    const timers = [...this.timers].sort((a, b) => a.at - b.at).map(({ at, name, key }) => [at, name, key]);
    const windows = [...this.windows].sort((a, b) => a.end - b.end || group(a.key) - group(b.key))
      .map(({ end, key, value }) => structuredClone([end, key, value]));
    return { states, timers, windows };
  }
}
