/** The thread that watches a worker's event loop; started by `watchdog_start.ts`, with a connection of its own. */
import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../actors/system_clock.ts";
import { connectNats, type NatsOptions } from "../nats/connect.ts";
import { protocolVersion, sealMessage } from "./message.ts";
import { coordinatorSubject } from "./names.ts";
import { LoopWatch } from "./watchdog.ts";

/** What the thread is started with. */
export interface WatchdogOrder {
  readonly words: SharedArrayBuffer;
  readonly nats: NatsOptions;
  readonly cluster: string;
  readonly worker: string;
  /** From when on it is told to the coordinator, and when the process is ended. */
  readonly blockedMs: number;
  readonly blockLimitMs: number;
}

const { words, nats, cluster, worker, blockedMs, blockLimitMs } = workerData as WatchdogOrder;
const places = new Map<number, string>();
parentPort?.on("message", ([number, place]: [number, string]) => void places.set(number, place));

const connection = await connectNats({ ...nats, name: `sluice ${cluster} ${worker} watchdog` });
const watch = new LoopWatch(new Int32Array(words), systemClock.monotonic());

function look(): void {
  const seen = watch.look(systemClock.monotonic());
  if (seen.blockedMs >= blockedMs) {
    const place = places.get(seen.place) ?? "outside of operators";
    const blocked = { version: protocolVersion, kind: "blocked", worker, blockedMs: seen.blockedMs, place } as const;
    connection.publish(coordinatorSubject(cluster), sealMessage(blocked));
    if (seen.blockedMs >= blockLimitMs) return void end(place);
  }
  systemClock.setTimer(blockedMs / 4, look);
}

/** The loop cannot be freed in any runtime: the process goes, and the job is restored elsewhere. */
async function end(place: string): Promise<void> {
  console.error(`worker ${worker} was blocked for more than ${blockLimitMs} ms in ${place}: the process ends itself`);
  await connection.flush().catch(() => {});
  process.kill(process.pid, "SIGKILL");
}

look();
