import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("sluice run");
const main = fileURLToPath(new URL("../../runtime/cli/main.ts", import.meta.url));
const paced = fileURLToPath(new URL("./fixtures/paced.ts", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

/** How this runtime runs a TypeScript file from another folder. */
function runner(): string[] {
  const versions: Record<string, string | undefined> = process.versions;
  if (versions["deno"] !== undefined) return ["run", "-A", "--config", join(root, "deno.json")];
  return versions["bun"] !== undefined
    ? []
    : ["--import", new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href];
}

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Starts `sluice …`; `onLine` sees each line that it says. */
function sluice(
  folder: string,
  args: readonly string[],
  onLine: (line: string, child: ChildProcess) => void = () => {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...runner(), main, ...args], { cwd: folder });
    let said = "";
    let unseen = "";
    child.stderr.on("data", (data: Uint8Array) => {
      said += data.toString();
      unseen += data.toString();
      const lines = unseen.split("\n");
      unseen = lines.pop() ?? "";
      for (const line of lines) onLine(line, child);
    });
    child.on("close", (code) => resolve({ code, said }));
  });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-run-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that is visible in the folder of a JSONL sink. */
async function visible(folder: string): Promise<string[]> {
  const parts = (await readdir(join(folder, "out"))).filter((name) => name.startsWith("part-"));
  const texts = await Promise.all(parts.map((name) => readFile(join(folder, "out", name), "utf8")));
  return texts.flatMap((text) => text.split("\n").filter((line) => line !== ""));
}

const flags = ["run", paced, "--state", "state", "--interval", "100ms", "--json"];

/** Does something to the process at its second completed checkpoint. */
function atSecondCheckpoint(act: (child: ChildProcess) => void) {
  let completed = 0;
  return (line: string, child: ChildProcess) => {
    if (line.includes('"checkpoint-completed"') && ++completed === 2) act(child);
  };
}

test("a process killed with SIGKILL and started again goes on from the latest checkpoint: every record is visible once", () =>
  inFolder(async (folder) => {
    const killed = await sluice(folder, flags, atSecondCheckpoint((child) => child.kill("SIGKILL")));
    assert.is.not(killed.code, 0);
    const again = await sluice(folder, flags);
    assert.is(again.code, 0, again.said);
    assert.match(again.said, /"kind":"started".*"checkpoint":\d+/);
    const lines = await visible(folder);
    assert.is(lines.length, 1_500);
    assert.is(new Set(lines).size, 1_500);
  }));

test("Ctrl-C takes a last checkpoint, from which it goes on", () =>
  inFolder(async (folder) => {
    const stopped = await sluice(folder, flags, atSecondCheckpoint((child) => process.kill(child.pid as number, "SIGINT")));
    assert.is(stopped.code, 0, stopped.said);
    assert.match(stopped.said, /"reason":"stop"/);
    assert.match(stopped.said, /"kind":"finished".*"stopped":true/);
    const again = await sluice(folder, flags);
    assert.is(again.code, 0, again.said);
    assert.is(new Set(await visible(folder)).size, 1_500);
  }));

test("what is wrong with a command is said, with exit code 2", () =>
  inFolder(async (folder) => {
    for (
      const [args, said] of [
        [["run"], /missing required argument/],
        [["run", "none.ts"], /cannot load .*none\.ts/],
        [["run", paced, "--interval", "5"], /write a number with a unit/],
        [["run", paced, "--mode", "often"], /Allowed choices/],
        [["run", paced, "--from", "3"], /--from needs --state/],
        [["run", main.replace("main.ts", "duration.ts")], /no default export/],
      ] as const
    ) {
      const ended = await sluice(folder, args);
      assert.is(ended.code, 2, ended.said);
      assert.match(ended.said, said);
    }
  }));

test.run();
