import { SluiceError } from "../../actors/error.ts";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds from a duration as people write it: `500ms`, `1.5s`, `2m`, `1h`.
 *
 * @throws {SluiceError} `USAGE` for anything else, a number without a unit included
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  const ms = match === null ? NaN : Number(match[1]) * (unitsMs[match[2] as string] as number);
  if (Number.isInteger(ms)) return ms;
  throw new SluiceError(
    "USAGE",
    `"${text}" is no duration of whole milliseconds: write a number with a unit, such as 500ms, 5s or 2m`,
  );
}
