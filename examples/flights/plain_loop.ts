import { readFileSync } from "node:fs";
import { type FlightRecord, flightsFile, tookOffAt } from "./flight.ts";
import { type AirportDay, byDelay, dayOf, nameOf, type Totals, worstCount, type WorstOfDay } from "./totals.ts";

/** The same totals without any runtime: what the job must come to. */
export function totalsByPlainLoop(repeat: number): Totals {
  const flights = JSON.parse(readFileSync(flightsFile, "utf8")) as FlightRecord[];
  const sums = new Map<string, { day: string; airport: string; flights: number; delay: number; worst: number }>();
  for (let round = 0; round < repeat; round++) {
    flights.forEach((flight, index) => {
      const day = dayOf(tookOffAt({ ...flight, round, index }));
      const name = `${day} ${flight.origin}`;
      const sum = sums.get(name) ?? { day, airport: flight.origin, flights: 0, delay: 0, worst: -Infinity };
      sum.flights++;
      sum.delay += flight.delay;
      sum.worst = Math.max(sum.worst, flight.delay);
      sums.set(name, sum);
    });
  }
  const byDay = new Map<string, AirportDay[]>();
  for (const { day, airport, flights, delay, worst } of sums.values()) {
    const total = { day, airport, flights, averageDelay: delay / flights, worstDelay: worst };
    byDay.set(day, [...byDay.get(day) ?? [], total]);
  }
  const totals = new Map<string, AirportDay | WorstOfDay>();
  for (const [day, airports] of byDay) {
    for (const total of airports) totals.set(nameOf(total), total);
    const worst = { day, airports: airports.toSorted(byDelay).slice(0, worstCount) };
    totals.set(nameOf(worst), worst);
  }
  return totals;
}
