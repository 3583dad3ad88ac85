import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { projectRoot, type RuntimeName } from "./discover.ts";

/** How to start one runtime. */
export interface Runtime {
  readonly name: RuntimeName;
  readonly version: string;
  readonly command: string;
  /** Arguments that come before the script's path. */
  readonly scriptArguments: readonly string[];
}

/** The runtime is not there and could not be put there. */
export interface MissingRuntime {
  readonly name: RuntimeName;
  readonly reason: string;
}

const scriptArguments: Record<RuntimeName, readonly string[]> = {
  node: ["--import", "tsx"],
  deno: ["run", "--quiet", "--allow-all"],
  bun: [],
};

/** Their packages put the real program in place in an install script, which package managers may refuse to run. */
const installScripts: Partial<Record<RuntimeName, string>> = {
  deno: "node_modules/deno/install.cjs",
  bun: "node_modules/bun/install.js",
};

/** The runtime that runs this process. */
export function ownRuntime(): RuntimeName {
  return "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
}

function versionOf(command: string, name: RuntimeName): string | undefined {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  if (status !== 0) return undefined;
  return new RegExp(name === "deno" ? String.raw`^deno (\S+)` : String.raw`^v?(\d\S*)`).exec(stdout)?.[1];
}

/**
 * Finds a runtime: this process's own program, else (Deno, Bun) the one in node_modules, else the one on the PATH. One whose
 * install script was not run is mended by running it, and that is said on standard error.
 */
export function findRuntime(name: RuntimeName): Runtime | MissingRuntime {
  const local = join(projectRoot, "node_modules/.bin", name);
  const command = ownRuntime() === name ? process.execPath : existsSync(local) && name !== "node" ? local : name;
  let version = versionOf(command, name);
  const script = installScripts[name];
  if (version === undefined && script !== undefined && existsSync(join(projectRoot, script))) {
    console.error(`${name} in node_modules does not start: its install script was not run. Running it now: node ${script}`);
    spawnSync("node", [join(projectRoot, script)], { cwd: join(projectRoot, script, ".."), stdio: "inherit" });
    version = versionOf(command, name);
  }
  if (version === undefined) return { name, reason: `${command} --version does not work; run npm ci, or install ${name}` };
  return { name, version, command, scriptArguments: scriptArguments[name] };
}
