import { SluiceError } from "../../actors/error.ts";

/**
 * How many values become one, a value at a time.
 *
 * Accumulators are state: plain values that the codec keeps. They are the aggregate's own: `add` may change one in place and
 * return it, which is the way that allocates nothing.
 */
export interface Aggregate<In, Acc, Out> {
  /** What a snapshot calls it; the restored one must be called the same. Such as `count`. @default "custom" */
  readonly kind?: string;
  /** A new, empty accumulator. */
  create(): Acc;
  /** The accumulator with one value more: a new one, or the same, changed. */
  add(accumulator: Acc, value: In): Acc;
  /** The result. Must not keep or change the accumulator. */
  result(accumulator: Acc): Out;
  /** One accumulator for the values of both; it may be either of them, changed. Needed where windows merge. */
  merge?(a: Acc, b: Acc): Acc;
}

/** An accumulator of the number and sum of values. */
interface CountAndSum {
  count: number;
  sum: number;
}

/** An accumulator of one number. */
interface Cell {
  value: number;
}

/** How many values there are. */
export function count(): Aggregate<unknown, number, number> {
  return { kind: "count", create: () => 0, add: (n) => n + 1, result: (n) => n, merge: (a, b) => a + b };
}

/**
 * The sum of `of` over the values, added in the order of their arrival.
 * @throws {SluiceError} `AGGREGATE_NOT_A_NUMBER` from `add`, when `of` does not give a number
 */
export function sum<In>(of: (value: In) => number): Aggregate<In, Cell, number> {
  return {
    kind: "sum",
    create: () => ({ value: 0 }),
    add(cell, value) {
      cell.value += numberOf(of(value), "sum");
      return cell;
    },
    result: (cell) => cell.value,
    merge(a, b) {
      a.value += b.value;
      return a;
    },
  };
}

/** The arithmetic mean of `of` over the values; NaN for no values. Throws as {@link sum}. */
export function average<In>(of: (value: In) => number): Aggregate<In, CountAndSum, number> {
  return {
    kind: "average",
    create: () => ({ count: 0, sum: 0 }),
    add(accumulator, value) {
      accumulator.sum += numberOf(of(value), "average");
      accumulator.count++;
      return accumulator;
    },
    result: ({ count, sum }) => sum / count,
    merge(a, b) {
      a.count += b.count;
      a.sum += b.sum;
      return a;
    },
  };
}

/** The smallest of `of` over the values, NaN if one is NaN; `Infinity` for no values. Throws as {@link sum}. */
export function min<In>(of: (value: In) => number): Aggregate<In, Cell, number> {
  return extreme("min", Infinity, Math.min, of);
}

/** The greatest of `of` over the values, NaN if one is NaN; `-Infinity` for no values. Throws as {@link sum}. */
export function max<In>(of: (value: In) => number): Aggregate<In, Cell, number> {
  return extreme("max", -Infinity, Math.max, of);
}

function extreme<In>(
  kind: string,
  none: number,
  pick: (a: number, b: number) => number,
  of: (value: In) => number,
): Aggregate<In, Cell, number> {
  return {
    kind,
    create: () => ({ value: none }),
    add(cell, value) {
      cell.value = pick(cell.value, numberOf(of(value), kind));
      return cell;
    },
    result: (cell) => cell.value,
    merge(a, b) {
      a.value = pick(a.value, b.value);
      return a;
    },
  };
}

/**
 * Values of one type become one of it: `reduce((a, b) => …)`, in the order of their arrival. `fn` must not change its arguments.
 * The result for no values is undefined; windows never have none.
 */
export function reduce<T>(fn: (a: T, b: T) => T): Aggregate<T, T[], T> {
  return {
    kind: "reduce",
    create: () => [],
    add(held, value) {
      if (held.length === 0) held.push(value);
      else held[0] = fn(held[0] as T, value);
      return held;
    },
    result: (held) => held[0] as T,
    merge(a, b) {
      if (a.length === 0) return b;
      if (b.length > 0) a[0] = fn(a[0] as T, b[0] as T);
      return a;
    },
  };
}

/** Any aggregate, as far as {@link combine} needs to know it. */
export interface AnyAggregate {
  readonly kind?: string;
  create(): unknown;
  add(accumulator: never, value: never): unknown;
  result(accumulator: never): unknown;
  merge?(a: never, b: never): unknown;
}

/** Aggregates under names. */
export type Aggregates = Readonly<Record<string, AnyAggregate>>;

type ValueOf<A> = A extends { add(accumulator: never, value: infer In): unknown } ? In : never;
/** What a value must be for all of the aggregates. */
export type CombinedValue<A extends Aggregates> = {
  readonly [N in keyof A]: (value: ValueOf<A[N]>) => void;
}[keyof A] extends (value: infer All) => void ? All : never;

/** The results of the aggregates, under their names. */
export type CombinedResult<A extends Aggregates> = {
  -readonly [N in keyof A]: A[N] extends { result(accumulator: never): infer Out } ? Out : never;
};

/**
 * Several aggregates over the same values: `combine({ flights: count(), worst: max((f: Flight) => f.delay) })` gives
 * `{ flights, worst }`.
 *
 * @throws {SluiceError} `AGGREGATE_COMBINE` when there is none
 */
export function combine<A extends Aggregates>(aggregates: A): Aggregate<CombinedValue<A>, unknown[], CombinedResult<A>> {
  const names = Object.keys(aggregates);
  const parts = Object.values(aggregates) as Aggregate<unknown, unknown, unknown>[];
  if (parts.length === 0) {
    throw new SluiceError("AGGREGATE_COMBINE", "combine was given no aggregates; give an object of them, such as { n: count() }");
  }
  const combined: Aggregate<CombinedValue<A>, unknown[], CombinedResult<A>> = {
    kind: `combine(${names.map((name, index) => `${name}: ${kindOf(parts[index]!)}`).join(", ")})`,
    create: () => parts.map((part) => part.create()),
    add(accumulators, value) {
      for (let index = 0; index < parts.length; index++) {
        accumulators[index] = parts[index]!.add(accumulators[index], value);
      }
      return accumulators;
    },
    result(accumulators) {
      const result: Record<string, unknown> = {};
      for (let index = 0; index < parts.length; index++) result[names[index]!] = parts[index]!.result(accumulators[index]);
      return result as CombinedResult<A>;
    },
  };
  if (parts.some((part) => part.merge === undefined)) return combined;
  return {
    ...combined,
    merge: (a, b) => parts.map((part, index) => part.merge?.(a[index], b[index])),
  };
}

/** What a snapshot calls an aggregate. */
export function kindOf(aggregate: AnyAggregate): string {
  return aggregate.kind ?? "custom";
}

function numberOf(value: unknown, kind: string): number {
  if (typeof value === "number") return value;
  throw new SluiceError(
    "AGGREGATE_NOT_A_NUMBER",
    `the function of ${kind}() gave ${
      value === null ? "null" : `a value of type ${typeof value}`
    } for a record; it must give a ` +
      `number: filter such records out before, or map them`,
  );
}
