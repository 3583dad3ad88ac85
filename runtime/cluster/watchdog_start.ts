import process from "node:process";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../actors/clock.ts";
import { Watchdog, watchedWords } from "./watchdog.ts";
import type { WatchdogOrder } from "./watchdog_thread.ts";

/**
 * Has a thread watch this process's event loop. Where it cannot, `failed` is told why: the process works all the same, and others
 * judge it by its silence.
 */
export function startWatchdog(
  clock: Clock,
  order: Omit<WatchdogOrder, "words">,
  failed: (cause: unknown) => void,
): Watchdog {
  const words = new SharedArrayBuffer(watchedWords * Int32Array.BYTES_PER_ELEMENT);
  const { random: _, ...nats } = order.nats; // chance is the thread's own
  const thread = threadWith({ ...order, nats, words });
  thread.on("error", failed);
  thread.unref();
  return new Watchdog(clock, {
    words: new Int32Array(words),
    name: (number, place) => thread.postMessage([number, place]),
    close: () => void thread.terminate(),
  });
}

/** The thread's file is beside this one, built or not. */
function threadWith(workerData: WatchdogOrder): Worker {
  const isBuilt = !import.meta.url.endsWith(".ts");
  const file = new URL(`./watchdog_thread.${isBuilt ? "js" : "ts"}`, import.meta.url);
  // What has Node 20 read TypeScript does not reach into its threads by itself.
  const isUnderTsx = !isBuilt && process.execArgv.some((argument) => /\btsx\b/.test(argument));
  if (!isUnderTsx) return new Worker(file, { workerData });
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const code = `import(${tsx}).then(({ register }) => (register(), import(${JSON.stringify(file.href)})))`;
  return new Worker(code, { workerData, eval: true });
}
