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

type AnyPart = Aggregate<unknown, unknown, unknown>;

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
  const parts = Object.values(aggregates) as AnyPart[];
  if (parts.length === 0) {
    throw new SluiceError("AGGREGATE_COMBINE", "combine was given no aggregates; give an object of them, such as { n: count() }");
  }
  // The first four parts, and their names, each have a place of their own in the code: a call or a store that always sees the
  // same part is several times as fast as one in a loop over parts of several kinds. Results are copies of one object, and so
  // have one shape.
  const [p0, p1, p2, p3] = parts as [AnyPart, AnyPart, AnyPart, AnyPart];
  const [n0, n1, n2, n3] = names as [string, string, string, string];
  const size = parts.length;
  const blank: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, undefined]));
  const combined: Aggregate<CombinedValue<A>, unknown[], CombinedResult<A>> = {
    kind: `combine(${names.map((name, index) => `${name}: ${kindOf(parts[index]!)}`).join(", ")})`,
    create: () => parts.map((part) => part.create()),
    add(held, value) {
      held[0] = p0.add(held[0], value);
      if (size > 1) held[1] = p1.add(held[1], value);
      if (size > 2) held[2] = p2.add(held[2], value);
      if (size > 3) held[3] = p3.add(held[3], value);
      for (let index = 4; index < size; index++) held[index] = parts[index]!.add(held[index], value);
      return held;
    },
    result(held) {
      const result = { ...blank };
      result[n0] = p0.result(held[0]);
      if (size > 1) result[n1] = p1.result(held[1]);
      if (size > 2) result[n2] = p2.result(held[2]);
      if (size > 3) result[n3] = p3.result(held[3]);
      for (let index = 4; index < size; index++) result[names[index]!] = parts[index]!.result(held[index]);
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
