import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import type { Figures } from "./report.ts";

/** The package as it is published, for Node; or the sources as they lie here. */
export type Form = "built" | "unbuilt";

const root = new URL("..", import.meta.url);
const modules: Readonly<Record<Form, URL>> = { built: new URL("dist/mod.js", root), unbuilt: new URL("mod.ts", root) };

/** Builds the package, once a run: an older build would be another program. @throws {Error} when that fails */
export function buildPackage(): void {
  const { status, stderr } = spawnSync("npm", ["run", "-s", "build"], { cwd: fileURLToPath(root), encoding: "utf8" });
  if (status !== 0 || !existsSync(modules.built)) throw new Error(`npm run build failed: ${stderr}`);
}

/** From the start of a process to the first record at its sink; and its memory when its job has been over for three seconds. */
export async function runStarting(form: Form): Promise<Figures> {
  const begin = performance.now();
  const child = new Child("starting.js", [modules[form].href], { loader: form === "unbuilt" });
  try {
    await child.line("first record");
    const processStartToFirstRecordMs = performance.now() - begin;
    const idleRssMiB = Number((await child.line("idle")).split(" ")[1]);
    return { workload: "startup", form, processStartToFirstRecordMs, idleRssMiB };
  } finally {
    await child.kill();
  }
}
