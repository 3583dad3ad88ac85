import { SluiceError } from "../../actors/error.ts";

/** Windows of equal size that follow each other without a gap. Each covers `[start, start + sizeMs)`. */
export interface TumblingWindow {
  readonly kind: "tumbling";
  readonly sizeMs: number;
  /** Windows start at this time, modulo their size. */
  readonly offsetMs: number;
}

/**
 * Tumbling windows, aligned to the Unix epoch.
 *
 * @param sizeMs whole milliseconds, at least 1: see {@link minutes} and the like
 * @param options `offsetMs` shifts where windows start: whole milliseconds, below the size @default 0
 * @throws {SluiceError} `WINDOW_SIZE`
 */
export function tumbling(sizeMs: number, options: { readonly offsetMs?: number } = {}): TumblingWindow {
  const { offsetMs = 0 } = options;
  if (!Number.isSafeInteger(sizeMs) || sizeMs < 1 || sizeMs > longestMs) {
    throw new SluiceError(
      "WINDOW_SIZE",
      `a window of ${sizeMs} ms is not possible; give whole milliseconds from 1 to ${longestMs}`,
    );
  }
  if (!Number.isSafeInteger(offsetMs) || Math.abs(offsetMs) >= sizeMs) {
    throw new SluiceError("WINDOW_SIZE", `an offset of ${offsetMs} ms is not possible; give whole milliseconds below ${sizeMs}`);
  }
  return { kind: "tumbling", sizeMs, offsetMs };
}

/** About 100 years: with timestamps around now, sums stay exact. */
const longestMs = 3_155_760_000_000;

/** When the window starts that `timestamp` falls into. */
export function startOf(window: TumblingWindow, timestamp: number): number {
  const { sizeMs, offsetMs } = window;
  return Math.floor((timestamp - offsetMs) / sizeMs) * sizeMs + offsetMs;
}

/** `n` milliseconds, in milliseconds. */
export function milliseconds(n: number): number {
  return n;
}

/** `n` seconds in milliseconds. */
export function seconds(n: number): number {
  return n * 1_000;
}

/** `n` minutes in milliseconds. */
export function minutes(n: number): number {
  return n * 60_000;
}

/** `n` hours in milliseconds. */
export function hours(n: number): number {
  return n * 3_600_000;
}

/** `n` days of 24 hours in milliseconds. */
export function days(n: number): number {
  return n * 86_400_000;
}
