import { ErrorCode } from "nats";
import type { Clock } from "../../actors/clock.ts";
import { findInCauses, SluiceError } from "../../actors/error.ts";

/** How long something is tried again that fails because NATS is away. */
export interface Patience {
  readonly clock: Clock;
  /** Ends it: nobody waits any more. @default somebody always does */
  readonly signal?: AbortSignal;
  /** From the first failure on, in milliseconds. */
  readonly patienceMs: number;
}

/** Pauses between tries, in milliseconds. */
const pausesMs = [50, 100, 250, 500, 1_000] as const;

/**
 * Does something again and again while it fails for a reason that passes: a connection that is being made again, a server that
 * restarts or chooses a leader. So `work` must be able to find out what of it is done already.
 */
export async function patiently<T>(work: () => Promise<T>, { clock, signal, patienceMs }: Patience): Promise<T> {
  let since: number | undefined;
  for (let tries = 0;; tries++) {
    try {
      return await work();
    } catch (error) {
      const now = clock.monotonic();
      since ??= now;
      if (!passes(error) || signal?.aborted || now - since >= patienceMs) throw error;
      const pauseMs = pausesMs[Math.min(tries, pausesMs.length - 1)] as number;
      await new Promise<void>((resolve) => void clock.setTimer(pauseMs, resolve));
      if (signal?.aborted) throw error;
    }
  }
}

/** The client's codes for a server that is away, or did not answer in time. */
const away: ReadonlySet<string> = new Set([
  ErrorCode.NoResponders,
  ErrorCode.Timeout,
  ErrorCode.Disconnect,
  ErrorCode.ConnectionTimeout,
  ErrorCode.ConnectionRefused,
]);

/** Whether trying again may help: the server is away, or says itself that it is not ready. */
export function passes(error: unknown): boolean {
  const verdict = findInCauses(error, (at) => {
    const { code, api_error: refused } = at as { readonly code?: unknown; readonly api_error?: { readonly code?: number } };
    if (refused !== undefined) return refused.code === 503;
    if (!(at instanceof SluiceError) && away.has(String(code))) return true;
    if (at instanceof SluiceError && code === "JETSTREAM_REFUSED") return (at as { readonly status?: number }).status === 503;
    return undefined;
  });
  return verdict ?? false;
}
