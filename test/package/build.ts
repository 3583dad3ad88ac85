/**
 * Builds what is published into `dist/`: JavaScript, source maps and declarations of `mod.ts`, `actors/` and `runtime/`.
 *
 * Declarations lie as the sources do. The JavaScript is bundled: what an entry point has for itself is in its file, what several
 * share in `chunks/`, so that a start reads a few files instead of hundreds and there is one copy of each class. Dependencies
 * stay outside: a job and the runtime must have the same ones. The output folder is emptied first, so that nothing of an older
 * build is published.
 */
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import manifest from "../../package.json" with { type: "json" };
import { projectRoot } from "../runner/discover.ts";

/** Both in one folder, with the chunks: a thread is started from the file beside the module that starts it. */
const beside = ["watchdog_start", "watchdog_thread"].map((name) => ({
  in: `runtime/cluster/${name}.ts`,
  out: `chunks/${name}`,
}));

rmSync(join(projectRoot, "dist"), { recursive: true, force: true });
const { status } = spawnSync("node", ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"], {
  cwd: projectRoot,
  stdio: "inherit",
});
const entries = [
  ...Object.values(manifest.exports).flatMap((target) => typeof target === "string" ? [] : target.default),
  ...Object.values(manifest.bin),
].map((built) => /^(?:\.\/)?dist\/(.*)\.js$/.exec(built)?.[1] as string);
await build({
  absWorkingDir: projectRoot,
  entryPoints: [...entries.map((path) => ({ in: `${path}.ts`, out: path })), ...beside],
  outdir: "dist",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: true,
  logLevel: "warning",
});
for (const program of Object.values(manifest.bin)) {
  const path = join(projectRoot, program);
  if (existsSync(path)) chmodSync(path, 0o755);
}
process.exitCode = status ?? 1;
