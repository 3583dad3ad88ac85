import { runnerHooks } from "./runner/hooks.ts";

/**
 * Gives the calling test file more (or less) time than the usual {@link defaultLimitMs} before the watchdog ends it.
 * Called at the top level of the file.
 */
export function takesUpTo(limitMs: number): void {
  runnerHooks()?.limit(limitMs);
}

/** What a test file may take, in milliseconds, before the watchdog ends the process and reports the file. */
export const defaultLimitMs = 180_000;
