import { fileURLToPath } from "node:url";
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { days, jsonArraySource } from "sluice";
import type { JsonArrayPosition, Source } from "sluice";

/** A flight as the file has it. Delays are in minutes, negative when early; distances in miles. */
export const FlightRecord = Type.Object({
  /** `2001/01/01 00:47`; taken as UTC. */
  date: Type.String({ pattern: String.raw`^\d{4}/\d\d/\d\d \d\d:\d\d$` }),
  delay: Type.Integer(),
  distance: Type.Integer(),
  origin: Type.String(),
  destination: Type.String(),
});
export type FlightRecord = Static<typeof FlightRecord>;

/** A flight, and which one of the file it is. */
export interface Flight extends FlightRecord {
  /** How often the file had been read before. */
  readonly round: number;
  /** Its place in the file, from 0. */
  readonly index: number;
}

/** 20,000 real flights within the United States, from January to March 2001. */
export const flightsFile = fileURLToPath(new URL("../../node_modules/vega-datasets/data/flights-20k.json", import.meta.url));
export const flightsInFile = 20_000;

/** The file covers 90 days. When it is read again, its flights follow 90 days later, so that no total is added to twice. */
const roundMs = days(90);

/** When a flight took off, in milliseconds since the Unix epoch. */
export function tookOffAt({ date, round }: Flight): number {
  return Date.parse(`${date.replaceAll("/", "-").replace(" ", "T")}Z`) + round * roundMs;
}

/** How many flights have been read before this one, all rounds together. */
export function numberOf({ round, index }: JsonArrayPosition): number {
  return round * flightsInFile + index;
}

/** The flights of the file, `repeat` times over, each with its number: a source made from another. */
export function flightsSource(options: { repeat: number; ratePerSecond: number }): Source<Flight, JsonArrayPosition> {
  const source = jsonArraySource(flightsFile, { schema: FlightRecord, ...options });
  return {
    ...source,
    async open(split, position, context) {
      const reader = await source.open(split, position, context);
      return {
        poll: (output, maxRecords) =>
          reader.poll({
            // While a record is being emitted, the position is still its own.
            emit: (flight) => output.emit({ ...flight, ...reader.position() }),
            emitAt: (flight, timestamp) => output.emitAt({ ...flight, ...reader.position() }, timestamp),
          }, maxRecords),
        position: () => reader.position(),
        close: () => reader.close(),
      };
    },
  };
}
