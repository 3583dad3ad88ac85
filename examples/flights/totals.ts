import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

/** The flights from one airport on one day. Delays in minutes. */
export interface AirportDay {
  /** `2001-01-31`, in UTC. */
  readonly day: string;
  readonly airport: string;
  readonly flights: number;
  readonly averageDelay: number;
  readonly worstDelay: number;
}

/** The airports with the worst average delay of one day, the worst first. */
export interface WorstOfDay {
  readonly day: string;
  readonly airports: readonly AirportDay[];
}

/** How many airports the ranking of a day has. */
export const worstCount = 10;

/** The order of the ranking: by average delay, then number of flights, then name. */
export function byDelay(a: AirportDay, b: AirportDay): number {
  return b.averageDelay - a.averageDelay || b.flights - a.flights || (a.airport < b.airport ? -1 : 1);
}

export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** Every total under a name of its own, such as `2001-01-31 ORD`. */
export type Totals = ReadonlyMap<string, AirportDay | WorstOfDay>;

/** How the totals of the job and those of the plain loop compare. */
export interface Comparison {
  readonly expected: number;
  readonly equal: number;
  /** The job does not have them, or has them too low. */
  readonly lost: readonly string[];
  /** The job has them, and not the loop, or it has put them out more than once. */
  readonly surplus: readonly string[];
  /** The job's differ otherwise. */
  readonly different: readonly string[];
  /** Flights that the job counted more often than once. */
  readonly flightsTwice: number;
}

/** What the job has written into a folder: one JSON value a line, in the files of completed checkpoints. */
export async function readOutput<T>(folder: string): Promise<T[]> {
  const parts = (await readdir(folder)).filter((name) => name.endsWith(".jsonl") && !name.startsWith("."));
  const texts = await Promise.all(parts.sort().map((name) => readFile(join(folder, name), "utf8")));
  return texts.flatMap((text) => text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as T));
}

/** Puts the job's output beside the totals of the plain loop. */
export function compare(expected: Totals, output: readonly (AirportDay | WorstOfDay)[]): Comparison {
  const found = new Map<string, AirportDay | WorstOfDay>();
  const surplus: string[] = [];
  for (const total of output) {
    const name = nameOf(total);
    if (found.has(name) || !expected.has(name)) surplus.push(name);
    found.set(name, total);
  }
  let equal = 0;
  let flightsTwice = 0;
  const lost: string[] = [];
  const different: string[] = [];
  for (const [name, total] of expected) {
    const other = found.get(name);
    const more = (flightsOf(other) ?? 0) - (flightsOf(total) ?? 0);
    if (isDeepStrictEqual(other, total)) equal++;
    else if (other === undefined || more < 0) lost.push(name);
    else different.push(name);
    flightsTwice += Math.max(0, more);
  }
  return { expected: expected.size, equal, lost, surplus, different, flightsTwice };
}

export function nameOf(total: AirportDay | WorstOfDay): string {
  return "airport" in total ? `${total.day} ${total.airport}` : `worst of ${total.day}`;
}

/** Undefined for rankings: their flights are in the totals of the airports already. */
function flightsOf(total: AirportDay | WorstOfDay | undefined): number | undefined {
  return total !== undefined && "airport" in total ? total.flights : undefined;
}
