import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemDisk } from "../../actors/system_disk.ts";
import { diskConformance } from "./conformance.ts";

diskConformance("the system's", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-disk-"));
  return { disk: systemDisk(), folder, dispose: () => rm(folder, { recursive: true }) };
});
