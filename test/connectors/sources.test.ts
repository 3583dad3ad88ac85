import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { generate } from "../../runtime/connectors/generator.ts";
import { jsonArraySource } from "../../runtime/connectors/json_array.ts";
import { jsonlSource } from "../../runtime/connectors/jsonl.ts";
import { memorySource } from "../../runtime/connectors/memory_source.ts";
import { ConnectorWorld, writeFile } from "./connector_world.ts";
import { sourceConformance } from "./source_conformance.ts";

const records = Array.from({ length: 50 }, (_, n) => ({ n, text: `${'ä{["\\,'.repeat(n % 4)}${n}`, deep: [[n], { n }] }));
const numbers = Array.from({ length: 50 }, (_, n) => n);

sourceConformance("memory", async () => ({ world: new ConnectorWorld(), source: memorySource(records), expected: records }));

sourceConformance("generator", async () => {
  const source = generate({ count: 50, splits: 4, make: (n) => ({ n }) });
  return { world: new ConnectorWorld(), source, expected: numbers.map((n) => ({ n })) };
});

sourceConformance("generator at a rate", async () => {
  const source = generate({ count: 50, make: (n) => n, ratePerSecond: 1_000 });
  return { world: new ConnectorWorld(), source, expected: numbers };
});

/** A folder on each kind of disk: in memory at once, in memory with delays, on this machine. */
const disks: Readonly<Record<string, () => Promise<{ world: ConnectorWorld; folder: string; dispose?: () => Promise<void> }>>> = {
  "in memory": async () => ({ world: new ConnectorWorld(), folder: "" }),
  "in memory with delays": async () => {
    const slow = (clock: Clock) => new SimulatedDisk({ clock, minLatencyMs: 1, maxLatencyMs: 20 });
    return { world: new ConnectorWorld(slow), folder: "" };
  },
  "on this machine": async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-source-"));
    return { world: new ConnectorWorld(systemDisk), folder: `${folder}/`, dispose: () => rm(folder, { recursive: true }) };
  },
};

for (const [where, make] of Object.entries(disks)) {
  const prepared = async (write: (disk: Disk, folder: string) => Promise<void>) => {
    const made = await make();
    const disk = made.world.disk instanceof SimulatedDisk ? made.world.disk.handle({}) : made.world.disk;
    await write(disk, made.folder);
    return made;
  };

  sourceConformance(`JSON array ${where}`, async () => {
    const made = await prepared((disk, folder) => writeFile(disk, `${folder}a.json`, JSON.stringify(records, null, 2)));
    return { ...made, source: jsonArraySource(`${made.folder}a.json`), expected: records };
  });

  sourceConformance(`JSON array, repeated and paced, ${where}`, async () => {
    const made = await prepared((disk, folder) => writeFile(disk, `${folder}a.json`, JSON.stringify(records)));
    const source = jsonArraySource(`${made.folder}a.json`, { repeat: 3, ratePerSecond: 5_000 });
    return { ...made, source, expected: [...records, ...records, ...records] };
  });

  sourceConformance(`JSONL ${where}`, async () => {
    const made = await prepared(async (disk, folder) => {
      await disk.makeDirectory(`${folder}in`);
      const lines = records.map((record) => JSON.stringify(record));
      await writeFile(disk, `${folder}in/a.jsonl`, lines.slice(0, 30).join("\n"));
      await writeFile(disk, `${folder}in/b.ndjson`, `\n${lines.slice(30).join("\r\n\r\n")}\r\n`);
      await writeFile(disk, `${folder}in/empty.jsonl`, "");
      await writeFile(disk, `${folder}in/.hidden.jsonl`, "no JSON");
      await writeFile(disk, `${folder}in/readme.txt`, "no JSON");
    });
    return { ...made, source: jsonlSource(`${made.folder}in`, { splitBytes: 1_000 }), expected: records };
  });
}
