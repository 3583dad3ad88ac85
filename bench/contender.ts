import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("./contenders", import.meta.url));

/**
 * A module of `contenders/`, which has packages of its own so that only benchmarks install them: the first use does.
 *
 * @returns undefined, with the reason on the console, where they cannot be had
 */
export async function contender<Module>(name: "rxjs" | "nact" | "xstate" | "vega"): Promise<Module | undefined> {
  if (!existsSync(`${folder}/node_modules`)) {
    console.log(`installing what to compare with into bench/contenders (once)`);
    const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
    if (status !== 0) {
      console.log(`without ${name}: npm ci in bench/contenders failed${error === undefined ? "" : `: ${error.message}`}`);
      return undefined;
    }
  }
  return await import(new URL(`./contenders/${name}.js`, import.meta.url).href) as Module;
}
