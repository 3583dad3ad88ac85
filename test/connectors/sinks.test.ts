import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { forEach } from "../../runtime/connectors/for_each.ts";
import { jsonlSink } from "../../runtime/connectors/jsonl_sink.ts";
import { memorySink } from "../../runtime/connectors/memory_sink.ts";
import { stdout } from "../../runtime/connectors/stdout.ts";
import { ConnectorWorld } from "./connector_world.ts";
import { visibleRecords } from "./part_folder.ts";
import { plainSinkConformance, type SinkUnderTest, transactionalSinkConformance } from "./sink_conformance.ts";
import { FakeOutput } from "./fake_output.ts";

plainSinkConformance("memory", async () => {
  const sink = memorySink<unknown>({ delivery: "at-least-once" });
  return { world: new ConnectorWorld(), sink, visible: async () => sink.values };
});

plainSinkConformance("forEach", async () => {
  const seen: unknown[] = [];
  return { world: new ConnectorWorld(), sink: forEach((value) => void seen.push(value)), visible: async () => seen };
});

plainSinkConformance("forEach with promises", async () => {
  const world = new ConnectorWorld();
  const seen: unknown[] = [];
  const sink = forEach((value) =>
    new Promise<void>((resolve) => {
      world.clock.setTimer(1, () => {
        seen.push(value);
        resolve();
      });
    })
  );
  return { world, sink, visible: async () => seen };
});

for (const [name, capacity] of [["wide", Infinity], ["narrow", 1]] as const) {
  plainSinkConformance(`stdout, ${name}`, async () => {
    const world = new ConnectorWorld();
    const output = new FakeOutput(world.clock, capacity);
    return { world, sink: stdout({ output }), visible: async () => output.lines().map((line) => JSON.parse(line)) };
  });
}

transactionalSinkConformance("memory", async () => {
  const sink = memorySink<unknown>();
  return { world: new ConnectorWorld(), sink, visible: async () => sink.values };
});

const inFolder = (world: ConnectorWorld, folder: string): SinkUnderTest => ({
  world,
  sink: jsonlSink(folder),
  visible: () => world.done(visibleRecords(world.disk, folder)),
});

transactionalSinkConformance("JSONL files in memory", async () => inFolder(new ConnectorWorld(), "/some/out"));

transactionalSinkConformance(
  "JSONL files in memory with delays",
  async () => inFolder(new ConnectorWorld((clock) => new SimulatedDisk({ clock, minLatencyMs: 1, maxLatencyMs: 20 })), "out/"),
);

transactionalSinkConformance("JSONL files on this machine", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-sink-"));
  return { ...inFolder(new ConnectorWorld(systemDisk), `${folder}/a/b`), dispose: () => rm(folder, { recursive: true }) };
});
