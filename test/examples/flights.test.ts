import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("the flights demo");
const demo = fileURLToPath(new URL("../../examples/flights/demo.ts", import.meta.url));

/** How this runtime runs a TypeScript file. */
function runner(): string[] {
  const versions: Record<string, string | undefined> = process.versions;
  if (versions["deno"] !== undefined) return ["run", "-A"];
  return versions["bun"] !== undefined ? [] : ["--import", "tsx"];
}

function runDemo(...flags: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...runner(), demo, "--rate", "20000", "--interval", "150", ...flags], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` });
    });
  });
}

for (const mode of ["aligned", "unaligned", "timeout"]) {
  test(`comes to the totals of a plain loop after a failure, in mode ${mode}`, async () => {
    const { code, output } = await runDemo("--mode", mode);
    assert.is(code, 0, output);
    assert.match(output, /failed at flight/);
    assert.match(output, /recovered in \d+ ms from checkpoint \d+/);
    assert.match(output, /exactly once: (\d+) of \1 totals equal/);
  });
}

test("explains its duplicates in mode at-least-once, and loses nothing", async () => {
  const { code, output } = await runDemo("--mode", "at-least-once");
  assert.is(code, 0, output);
  assert.match(output, /at least once: \d+ of \d+ totals equal/);
});

test.run();
