import process from "node:process";

/** The runtime that the tests run on. */
export const onNode = !("Deno" in globalThis) && !("Bun" in globalThis);

/**
 * The seeds that a randomised test tries: `node` of them on Node and `elsewhere` on Deno and Bun, counted from 1. The
 * environment (or the runner's `--seeds` and `--from`) overrides both: `SLUICE_SEEDS` how many, `SLUICE_FROM` the first.
 */
export function seeds(node: number, elsewhere: number = node): number[] {
  const count = wholeNumber("SLUICE_SEEDS") ?? (onNode ? node : elsewhere);
  const from = wholeNumber("SLUICE_FROM") ?? 1;
  return Array.from({ length: count }, (_, index) => from + index);
}

/**
 * The first seed of a day (in UTC): each day has 10,000 of its own, so that a build which runs daily walks through the space.
 * The runner uses it where `CI` is set and nothing else was asked for, and prints it.
 */
export function seedOfDay(nowMs: number): number {
  return Math.floor(nowMs / 86_400_000) * 10_000 + 1;
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} must be a whole number, not "${text}"`);
  return value;
}
