import { Worker } from "node:worker_threads";
import type { Clock } from "../../actors/clock.ts";
import { Watchdog, watchedWords } from "./watchdog.ts";
import type { WatchdogOrder } from "./watchdog_thread.ts";

/**
 * Has a thread watch this process's event loop. Where it cannot, as Node 20 loads no TypeScript into threads, `failed` is told
 * why: the process works all the same, and others judge it by its silence.
 */
export function startWatchdog(
  clock: Clock,
  order: Omit<WatchdogOrder, "words">,
  failed: (cause: unknown) => void,
): Watchdog {
  const words = new SharedArrayBuffer(watchedWords * Int32Array.BYTES_PER_ELEMENT);
  const { random: _, ...nats } = order.nats; // chance is the thread's own
  // Beside this file, built or not.
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const thread = new Worker(new URL(`./watchdog_thread.${ending}`, import.meta.url), { workerData: { ...order, nats, words } });
  thread.on("error", failed);
  thread.unref();
  return new Watchdog(clock, {
    words: new Int32Array(words),
    name: (number, place) => thread.postMessage([number, place]),
    close: () => void thread.terminate(),
  });
}
