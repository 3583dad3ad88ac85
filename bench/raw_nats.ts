import { Packr, Unpackr } from "msgpackr";
import { NatsServer } from "../test/nats/server.ts";
import { Child } from "./child.ts";
import { makeEvent } from "./jobs/event.ts";
import { cpuMs } from "./machine.ts";
import { usageOf } from "./nats_cluster.ts";
import { pause } from "./pause.ts";
import type { Figures } from "./report.ts";

const packed = { useRecords: true, mapsAsObjects: false, moreTypes: true };

/** A frame of so many events as msgpackr alone packs it. */
function frameOf(records: number): Uint8Array {
  return new Packr(packed).pack(Array.from({ length: records }, (_, n) => makeEvent(n)));
}

/** What bare NATS does with messages of a frame's size: one process publishes, one subscribes, nothing is encoded. */
export async function runRawNats(frameRecords: number, seconds: number): Promise<Figures> {
  const messageBytes = frameOf(frameRecords).length;
  const server = await NatsServer.start();
  const ends: Child[] = [];
  try {
    for (const role of ["subscribe", "publish"]) {
      const end = new Child("raw_nats", [role, server.url, String(messageBytes)]);
      ends.push(end);
      await end.line("ready");
    }
    const [subscriber] = ends as [Child];
    const taken = async (): Promise<number> => {
      subscriber.say("figures");
      return Number((await subscriber.line("figures ")).split(" ")[1]);
    };
    await pause(1_000);
    const pids = [server.pid ?? NaN, ...ends.map(({ pid }) => pid)];
    const [before, from] = [await taken(), usageOf(pids)];
    await pause(seconds * 1_000);
    const [after, to] = [await taken(), usageOf(pids)];
    const [serverMs = NaN, ...endsMs] = to.cpuMs.map((ms, index) => ms - (from.cpuMs[index] as number));
    const usedMs = endsMs.reduce((sum, ms) => sum + ms, serverMs);
    const [records, wallMs] = [(after - before) * frameRecords, to.wallMs - from.wallMs];
    return {
      workload: "nats-raw",
      frameRecords,
      messageBytes,
      records,
      recordsPerSecond: Math.round(records / wallMs * 1_000),
      cpuSecondsPerMillion: usedMs / records * 1_000,
      serverCpuSecondsPerMillion: serverMs / records * 1_000,
      cpuCores: usedMs / wallMs,
    };
  } finally {
    for (const end of ends) await end.kill();
    await server.stop();
  }
}

/** What msgpackr alone does with the same frames in one process: it packs and unpacks them. */
export function runMsgpackr(frameRecords: number, seconds: number): Figures {
  const [packer, unpacker] = [new Packr(packed), new Unpackr(packed)];
  const events = Array.from({ length: frameRecords }, (_, n) => makeEvent(n));
  const round = () => (unpacker.unpack(packer.pack(events)) as readonly unknown[]).length;
  for (const until = performance.now() + 1_000; performance.now() < until;) round();
  const [cpu, begin] = [cpuMs(), performance.now()];
  let records = 0;
  while (performance.now() < begin + seconds * 1_000) for (let nth = 0; nth < 16; nth++) records += round();
  const [usedMs, tookMs] = [cpuMs() - cpu, performance.now() - begin];
  return {
    workload: "msgpackr",
    frameRecords,
    messageBytes: frameOf(frameRecords).length,
    records,
    recordsPerSecond: Math.round(records / tookMs * 1_000),
    cpuSecondsPerMillion: usedMs / records * 1_000,
    cpuCores: usedMs / tookMs,
  };
}
