/**
 * Builds what is published into `dist/`: JavaScript, source maps and declarations of `mod.ts`, `actors/` and `runtime/`.
 *
 * The output folder is emptied first, so that nothing of an older build is published.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import manifest from "../../package.json" with { type: "json" };
import { projectRoot } from "../runner/discover.ts";

rmSync(join(projectRoot, "dist"), { recursive: true, force: true });
const { status } = spawnSync("node", ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"], {
  cwd: projectRoot,
  stdio: "inherit",
});
for (const program of Object.values(manifest.bin)) {
  const path = join(projectRoot, program);
  if (existsSync(path)) chmodSync(path, 0o755);
}
process.exitCode = status ?? 1;
