import { average, combine, count, days, forEach, type Job, job, jsonlSink, max, tumbling, type } from "sluice";
import { type Flight, flightsSource, numberOf, tookOffAt } from "./flight.ts";
import type { Saboteur, SlowService } from "./lookup.ts";
import { type AirportDay, byDelay, dayOf, worstCount, type WorstOfDay } from "./totals.ts";

export interface DelaysOptions {
  /** How often the file is read. */
  readonly repeat: number;
  readonly ratePerSecond: number;
  /** The folder of the two outputs, `totals` and `worst`. */
  readonly output: string;
  /** Long flights wait for it: every fourth, about. */
  readonly lookup: SlowService;
  readonly saboteur: Saboteur;
  /** Called with every flight that is read, also when it is read again. */
  readonly onFlight: (flight: Flight) => void;
  /** Called with the ranking of a day, again when it is computed again. */
  readonly onWorst: (worst: WorstOfDay) => void;
}

/** From this distance on, in miles, a flight is looked up. */
const longMiles = 1_000;

/**
 * Delays per origin airport and day, and the ten worst airports of each day.
 *
 * ```text
 * flights ─┬─ short ────────────┬─ per airport and day ─┬─ totals
 *          └─ long ── lookup ───┘                       └─ ten worst of the day ── worst
 * ```
 *
 * The windows have two kinds of input channels: a fast one, and one behind a slow operator. That is what tells the checkpoint
 * modes apart: aligned ones wait for the slow one, unaligned ones take what waits there into the checkpoint, and at-least-once
 * ones let the fast one run ahead.
 */
export function delaysJob(options: DelaysOptions): Job {
  const { repeat, ratePerSecond, output, lookup, saboteur } = options;
  return job("flight-delays", (flow) => {
    const flights = flow
      .from("flights", flightsSource({ repeat, ratePerSecond }))
      .map((flight) => {
        options.onFlight(flight);
        return flight;
      })
      // The file is in the order of take-off, but flights that are looked up are overtaken by others. Event time is taken before,
      // and the windows wait for the slower of their inputs: no flight is late.
      .watermarks(tookOffAt, { outOfOrderMs: 0 });

    const short = flights.filter(({ distance }) => distance < longMiles);
    const long = flights.filter(({ distance }) => distance >= longMiles).rebalance().process("lookup", {
      emits: type<Flight>(),
      async onRecord(flight, ctx) {
        saboteur.pass(numberOf(flight));
        await lookup.answer();
        ctx.emit(flight);
      },
    });

    const airportDays = short.union(long)
      .keyBy("airport", ({ origin }) => origin)
      .window(tumbling(days(1)))
      .aggregate(
        "delays",
        combine({
          flights: count(),
          averageDelay: average((flight: Flight) => flight.delay),
          worstDelay: max((flight: Flight) => flight.delay),
        }),
      )
      .map(({ key, start, value }): AirportDay => ({ day: dayOf(start), airport: key, ...value }));
    airportDays.to("totals", jsonlSink(`${output}/totals`));

    const worst = airportDays
      .keyBy("day", ({ day }) => day)
      .window(tumbling(days(1)))
      .aggregate("worst", {
        kind: "worst",
        create: (): AirportDay[] => [],
        add(ranking, airport: AirportDay) {
          ranking.push(airport);
          ranking.sort(byDelay).splice(worstCount);
          return ranking;
        },
        result: (ranking) => [...ranking],
      })
      .map(({ key, value }): WorstOfDay => ({ day: key, airports: value }));
    worst.to("rankings", jsonlSink(`${output}/worst`));
    worst.to("screen", forEach(options.onWorst));
  });
}
