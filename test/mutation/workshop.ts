import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../runner/discover.ts";
import { findRuntime } from "../runner/runtimes.ts";
import { editsOf, type Mutant, mutated } from "./mutant.ts";

/** Nothing that is tried takes so long, unless it never ends. */
const limitMs = 600_000;

/** What came of trying a mutant. */
export type Verdict =
  /** `seed`: the simulation's; undefined when a test file killed it. */
  | { readonly kind: "killed"; readonly by: string; readonly seed: number | undefined; readonly said: string }
  | { readonly kind: "survived"; readonly by: string };

/** A copy of the source tree in which mutants are tried one after the other. */
export class Workshop implements Disposable {
  readonly #root: string;

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), "sluice-mutants-"));
    for (const part of ["actors", "runtime", "test", "mod.ts", "package.json", "tsconfig.json"]) {
      cpSync(join(projectRoot, part), join(this.#root, part), { recursive: true });
    }
    symlinkSync(join(projectRoot, "node_modules"), join(this.#root, "node_modules"), "dir");
  }

  /** Makes the changes, runs what must notice them up to the first violation, and takes them back. */
  async try(mutant: Mutant, seeds: number): Promise<Verdict> {
    const before = new Map<string, string>();
    try {
      for (const edit of editsOf(mutant)) {
        const path = join(this.#root, edit.file);
        const text = readFileSync(path, "utf8");
        if (!before.has(path)) before.set(path, text);
        writeFileSync(path, mutated(text, edit));
      }
      return mutant.killer === undefined ? await this.#simulate(seeds) : await this.#test(mutant.killer, mutant.scenario);
    } finally {
      for (const [path, text] of before) writeFileSync(path, text);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  async #simulate(seeds: number): Promise<Verdict> {
    const { code, said, hung } = await this.#run("test/simulation/simulate.ts", ["--seeds", String(seeds), "--stop"]);
    if (code === 0) return { kind: "survived", by: `${seeds} seeds` };
    if (hung) return { kind: "killed", by: "simulation, which does not end", seed: undefined, said };
    const seed = /^seed (\d+):/m.exec(said)?.[1];
    if (seed === undefined) throw new Error(`the simulation did not run to a violation:\n${said}`);
    return { kind: "killed", by: "simulation", seed: Number(seed), said };
  }

  async #test(file: string, scenario: number | undefined): Promise<Verdict> {
    const { code, said } = await this.#run(file, []);
    if (code === 0) return { kind: "survived", by: file };
    // A program that does not even start would look like a failed test.
    if (!/^ +FAIL /m.test(said)) throw new Error(`${file} did not run to a failed assertion:\n${said}`);
    // Tests have their scenario's number first in their names, or in that of their suite.
    const own = new RegExp(`^ +FAIL .*(?:scenario|") ?${scenario}\\b`, "m");
    if (scenario !== undefined && !own.test(said)) return { kind: "survived", by: `${file}, scenario ${scenario}` };
    return { kind: "killed", by: file, seed: undefined, said };
  }

  #run(script: string, more: readonly string[]): Promise<{ code: number | null; said: string; hung: boolean }> {
    const node = findRuntime("node");
    if (!("command" in node)) throw new Error(node.reason);
    const child = spawn(node.command, [...node.scriptArguments, script, ...more], { cwd: this.#root, timeout: limitMs });
    let said = "";
    child.stdout.on("data", (chunk: Uint8Array) => said += String(chunk));
    child.stderr.on("data", (chunk: Uint8Array) => said += String(chunk));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, said, hung: signal === "SIGTERM" }));
    });
  }
}
