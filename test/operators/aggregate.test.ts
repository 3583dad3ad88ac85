import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { type Aggregate, average, combine, count, max, min, reduce, sum } from "../../runtime/operators/aggregate.ts";

const aggregates = suite("aggregates");

interface Flight {
  readonly delay: number;
}

const flights: readonly Flight[] = [3, -5, 12, 0.5].map((delay) => ({ delay }));
const delay = (flight: Flight) => flight.delay;

function run<In, Acc, Out>(aggregate: Aggregate<In, Acc, Out>, values: readonly In[]): Out {
  return aggregate.result(values.reduce((accumulator, value) => aggregate.add(accumulator, value), aggregate.create()));
}

const all = combine({
  flights: count(),
  total: sum(delay),
  mean: average(delay),
  best: min(delay),
  worst: max(delay),
  last: reduce<Flight>((_, b) => b),
});

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function holds<_T extends true>(): void {}

aggregates("each computes what a plain loop does", () => {
  assert.is(run(count(), flights), 4);
  assert.is(run(sum(delay), flights), 10.5);
  assert.is(run(average(delay), flights), 2.625);
  assert.is(run(min(delay), flights), -5);
  assert.is(run(max(delay), flights), 12);
  assert.equal(run(reduce<Flight>((a, b) => ({ delay: a.delay + b.delay })), flights), { delay: 10.5 });
});

aggregates("combine gives all results under their names, with their types", () => {
  const result = run(all, flights);
  type Result = typeof result;
  holds<
    Same<Result, { flights: number; total: number; mean: number; best: number; worst: number; last: Flight }>
  >();
  assert.equal(result, { flights: 4, total: 10.5, mean: 2.625, best: -5, worst: 12, last: { delay: 0.5 } });
  // @ts-expect-error the value must be one that every aggregate takes
  const wrong = () => all.add(all.create(), { speed: 1 });
  assert.throws(wrong, /must give a number/);
});

aggregates("combine of any number of parts gives what each gives alone, its result of one shape", () => {
  const parts = { flights: count(), total: sum(delay), mean: average(delay), best: min(delay), worst: max(delay), n: count() };
  const names = Object.keys(parts) as (keyof typeof parts)[];
  for (let size = 1; size <= names.length; size++) {
    const some = Object.fromEntries(names.slice(0, size).map((name) => [name, parts[name]])) as unknown as typeof parts;
    const result = run(combine(some), flights);
    assert.equal(Object.keys(result), names.slice(0, size));
    for (const name of names.slice(0, size)) {
      assert.is(result[name], run(parts[name] as Aggregate<Flight, unknown, number>, flights), `${name} of ${size}`);
    }
  }
});

aggregates("with no values they give what they say", () => {
  assert.is(run(count(), []), 0);
  assert.is(run(sum(delay), []), 0);
  assert.ok(Number.isNaN(run(average(delay), [])));
  assert.is(run(min(delay), []), Infinity);
  assert.is(run(max(delay), []), -Infinity);
  assert.is(run(reduce<Flight>((a) => a), []), undefined);
});

aggregates("accumulators survive the codec at any point, and merging is the same as adding in one go", () => {
  for (let cut = 0; cut <= flights.length; cut++) {
    const [left, right] = [flights.slice(0, cut), flights.slice(cut)].map((part) =>
      part.reduce((accumulator, flight) => all.add(accumulator, flight), all.create())
    );
    const decoded = decodeValue(encodeValue(left));
    assert.is(decoded.kind, "value");
    const back = (decoded as { value: unknown[] }).value;
    assert.equal(all.result(right!.length === 0 ? back : all.merge!(back, right!)), run(all, flights));
  }
});

aggregates("a combination can be merged only if all of its parts can", () => {
  const custom: Aggregate<Flight, number, number> = { create: () => 0, add: (a) => a, result: (a) => a };
  assert.is(combine({ n: count(), custom }).merge, undefined);
  assert.is(combine({ n: count(), custom }).kind, "combine(n: count, custom: custom)");
});

aggregates("adding in place gives back the same accumulator", () => {
  for (const aggregate of [sum(delay), average(delay), min(delay), max(delay), all] as Aggregate<Flight, unknown, unknown>[]) {
    const accumulator = aggregate.create();
    assert.is(aggregate.add(accumulator, flights[0]!), accumulator);
  }
});

aggregates("NaN shows in every numeric result, and is no number lost", () => {
  for (const aggregate of [sum(delay), average(delay), min(delay), max(delay)] as Aggregate<Flight, unknown, number>[]) {
    assert.ok(Number.isNaN(run(aggregate, [{ delay: 1 }, { delay: NaN }, { delay: 2 }])));
  }
});

aggregates("what is no number is refused, naming the aggregate", () => {
  for (const [make, name] of [[sum, "sum"], [average, "average"], [min, "min"], [max, "max"]] as const) {
    const aggregate = make((flight: Flight) => flight.delay) as Aggregate<Flight, unknown, number>;
    for (const bad of [undefined, null, "5", 5n]) {
      assert.throws(
        () => run(aggregate, [{ delay: bad as unknown as number }]),
        (error: unknown) =>
          error instanceof SluiceError && error.code === "AGGREGATE_NOT_A_NUMBER" && error.message.includes(`${name}()`),
      );
    }
  }
});

aggregates("combine of nothing is refused", () => {
  assert.throws(() => combine({}), (error: unknown) => error instanceof SluiceError && error.code === "AGGREGATE_COMBINE");
});

aggregates.run();
