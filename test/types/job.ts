/** What the compiler must say about jobs: types flow from the source to the sink. */
import { Type } from "@sinclair/typebox";
import {
  type Aggregate,
  average,
  combine,
  count,
  forEach,
  generate,
  job,
  jsonlSource,
  type Key,
  type KeyedStream,
  list,
  map,
  max,
  memorySink,
  memorySource,
  minutes,
  replicate,
  type RunningResult,
  split,
  type Stream,
  sum,
  tumbling,
  type,
  value,
  type WindowResult,
} from "../../mod.ts";
import { holds, type Same } from "./expect.ts";

interface Flight {
  readonly origin: string;
  readonly delay: number;
  readonly at: number;
}

const Alert = Type.Object({ account: Type.String(), total: Type.Number() });
interface Alert {
  account: string;
  total: number;
}

const source = memorySource<Flight>([]);

job("types", (flow) => {
  const flights = flow.from("flights", source);
  holds<Same<typeof flights, Stream<Flight, false>>>();

  // Sources give their records' type; a schema is one.
  holds<Same<ReturnType<typeof flow.from<number>>, Stream<number, false>>>();
  const checked = flow.from("checked", jsonlSource("f.jsonl", { schema: Alert }));
  holds<Same<typeof checked, Stream<Alert, false>>>();
  const numbers = flow.from("numbers", generate({ count: 1, make: (n) => n * 2 }));
  holds<Same<typeof numbers, Stream<number, false>>>();
  // @ts-expect-error: a sink is no source
  flow.from("sink", memorySink<Flight>());

  // Stateless operators infer from what they return.
  const delays = flights.map(({ delay }) => delay);
  holds<Same<typeof delays, Stream<number, false>>>();
  const letters = flights.flatMap(({ origin }) => origin.split(""));
  holds<Same<typeof letters, Stream<string, false>>>();
  const kept = flights.filter(({ delay }) => delay > 0);
  holds<Same<typeof kept, Stream<Flight, false>>>();
  const text = flow.from("mixed", memorySource<string | number>([])).filter((one) => typeof one === "string");
  holds<Same<typeof text, Stream<string, false>>>();
  const both = delays.union(letters);
  holds<Same<typeof both, Stream<string | number, false>>>();
  // @ts-expect-error: flatMap gives something that can be iterated
  flights.flatMap(({ delay }) => delay);
  // @ts-expect-error: there is no such field
  flights.map(({ arrival }) => arrival);
  // @ts-expect-error: parallelism is a number
  flights.map(({ delay }) => delay, { parallelism: "2" });
  // @ts-expect-error: there is no such option
  flights.map(({ delay }) => delay, { paralellism: 2 });

  // Sinks must take what the stream gives.
  delays.to("delays", memorySink<number>());
  delays.to("wider", memorySink<number | string>());
  flights.to("subset", forEach(({ delay }: { readonly delay: number }) => void delay));
  // @ts-expect-error: a sink of texts takes no numbers
  delays.to("texts", memorySink<string>());
  // @ts-expect-error: a sink that needs more than the records have
  flights.to("needy", forEach((flight: Flight & { readonly tail: string }) => void flight.tail));
  // @ts-expect-error: a source is no sink
  delays.to("source", memorySource<number>([]));
  // @ts-expect-error: a sink has a uid
  delays.to(memorySink<number>());
  // @ts-expect-error: a sink ends the stream
  delays.to("end", memorySink<number>()).map((delay: number) => delay);
});

job("keys", (flow) => {
  const flights = flow.from("flights", source);
  const byOrigin = flights.keyBy("origin", ({ origin }) => origin);
  holds<Same<typeof byOrigin, KeyedStream<string, Flight, false>>>();
  const byRoute = flights.keyBy("route", ({ origin, delay }) => [origin, delay]);
  holds<Same<typeof byRoute, KeyedStream<readonly [string, number], Flight, false>>>();
  const bySign = flights.keyBy("sign", ({ delay }) => (delay > 0 ? "late" : "early"));
  holds<Same<typeof bySign, KeyedStream<"late" | "early", Flight, false>>>();
  holds<Same<Extract<Date, Key>, never>>();
  // @ts-expect-error: an object is no key
  flights.keyBy("object", (flight) => ({ origin: flight.origin }));
  // @ts-expect-error: undefined is no key
  flights.keyBy("maybe", ({ origin }): string | undefined => origin);
  // @ts-expect-error: a key has a name
  flights.keyBy(({ origin }: Flight) => origin);

  const counts = byOrigin.aggregate("count", count());
  holds<Same<typeof counts, Stream<RunningResult<string, number>, false>>>();
  const several = byOrigin.aggregate("several", combine({ n: count(), worst: max((flight: Flight) => flight.delay) }));
  holds<Same<typeof several, Stream<RunningResult<string, { n: number; worst: number }>, false>>>();
  byOrigin.aggregate("subset", sum((one: { readonly delay: number }) => one.delay));
  // @ts-expect-error: the aggregate needs a field that the records do not have
  byOrigin.aggregate("needy", average((one: Flight & { readonly weight: number }) => one.weight));
  // @ts-expect-error: no window without event time: call watermarks() before keyBy()
  byOrigin.window(tumbling(minutes(1)));
});

job("windows", (flow) => {
  const timed = flow.from("flights", source).watermarks(({ at }) => at, { outOfOrderMs: 5_000 });
  holds<Same<typeof timed, Stream<Flight, true>>>();
  // @ts-expect-error: event time is a number of milliseconds
  flow.from("dates", source).watermarks(({ at }) => new Date(at));

  // Event time goes along, and is lost by a union with a stream that has none.
  holds<Same<ReturnType<typeof timed.rebalance>, Stream<Flight, true>>>();
  const delays = timed.map(({ delay }) => delay);
  holds<Same<typeof delays, Stream<number, true>>>();
  // @ts-expect-error: the other stream has no event time
  timed.union(flow.from("untimed", source));

  const windows = timed.keyBy("origin", ({ origin }) => origin).window(tumbling(minutes(1)));
  const counts = windows.aggregate("count", count());
  holds<Same<typeof counts, Stream<WindowResult<string, number>, true>>>();
  const named = windows.aggregate("named", count(), ({ key, value: flights }) => ({ airport: key, flights }));
  holds<Same<typeof named, Stream<{ airport: string; flights: number }, true>>>();
  const latest = windows.reduce("latest", (a, b) => (b.at >= a.at ? b : a));
  holds<Same<typeof latest, Stream<WindowResult<string, Flight>, true>>>();
  // @ts-expect-error: an aggregate has a uid
  windows.aggregate(count());
  // @ts-expect-error: two records become one of their kind
  windows.reduce("wrong", (a, b) => a.delay + b.delay);
  // @ts-expect-error: a number is no window
  timed.keyBy("origin", ({ origin }) => origin).window(minutes(1));

  // What a window gives has an event time: it can be windowed again.
  named.keyBy("airport", ({ airport }) => airport).window(tumbling(minutes(5))).aggregate("again", count());
});

job("process functions", (flow) => {
  const flights = flow.from("flights", source);
  const alerts = flights.keyBy("origin", ({ origin }) => origin).process("fraud", {
    state: {
      total: value(Type.Number(), 0),
      last: value(type<Flight | undefined>(), undefined),
      recent: list(Type.Number()),
      seen: map(Type.String(), type<Flight>()),
    },
    emits: Alert,
    onRecord(flight, ctx) {
      holds<Same<typeof flight, Flight>>();
      holds<Same<typeof ctx.key, string>>();
      const total = ctx.state.total.get();
      holds<Same<typeof total, number>>();
      const last = ctx.state.last.get();
      holds<Same<typeof last, Flight | undefined>>();
      ctx.state.total.set(total + flight.delay);
      ctx.emit({ account: ctx.key, total });
      ctx.timers.event(flight.at + 60_000);
      // @ts-expect-error: the state holds numbers
      ctx.state.total.set("many");
      // @ts-expect-error: only what is declared is there
      ctx.state.other.get();
      // @ts-expect-error: results are of the declared type
      ctx.emit({ account: ctx.key, total: "many" });
      // @ts-expect-error: a result lacks a field
      ctx.emit({ account: ctx.key });
      // @ts-expect-error: lists are lists
      ctx.state.recent.set(1);
    },
    onTimer({ at, key }, ctx) {
      holds<Same<typeof at, number>>();
      holds<Same<typeof key, string>>();
      ctx.state.total.clear();
    },
  });
  holds<Same<typeof alerts, Stream<Alert, false>>>();
  alerts.to("alerts", memorySink<Alert>());

  const untyped = flights.process("plain", {
    state: { offsets: split(Type.Number()), settings: replicate(Type.String(), "") },
    emits: type<number>(),
    async onRecord({ delay }, ctx) {
      ctx.emit(delay);
      // @ts-expect-error: there are no keys here
      ctx.key;
      // @ts-expect-error: and no timers
      ctx.timers.event(0);
    },
  });
  holds<Same<typeof untyped, Stream<number, false>>>();
  flights.process("keyed state", {
    // @ts-expect-error: state by key needs a keyBy
    state: { total: value(Type.Number(), 0) },
    emits: type<number>(),
    onRecord() {},
  });
  flights.keyBy("origin", ({ origin }) => origin).process("operator state", {
    // @ts-expect-error: behind a keyBy state is by key
    state: { settings: replicate(Type.String(), "") },
    emits: type<number>(),
    onRecord() {},
  });
  // @ts-expect-error: what is emitted must be said
  flights.process("silent", { onRecord() {} });
  // @ts-expect-error: a process function handles records
  flights.process("idle", { emits: type<number>() });
});

// @ts-expect-error: a job is given a function
job("none");
// @ts-expect-error: there is no such option
job("options", () => {}, { paralellism: 2 });

// An aggregate of one's own.
const longest: Aggregate<string, string, number> = {
  create: () => "",
  add: (held, next) => (next.length > held.length ? next : held),
  result: (held) => held.length,
};
holds<Same<ReturnType<typeof longest.create>, string>>();
