import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeBlocks, moduleDoc } from "../docs/code_blocks.ts";
import { findRuntime, ownRuntime } from "../runner/runtimes.ts";

const test = suite("the embedded actors example");
const program = fileURLToPath(new URL("../../examples/embedded-actors/main.ts", import.meta.url));
const said = codeBlocks(moduleDoc(readFileSync(program, "utf8"))).find(({ language }) => language === "text")?.code.trim();

test("prints what its first comment says, and ends by itself", async () => {
  const runtime = findRuntime(ownRuntime());
  assert.ok("command" in runtime);
  const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(runtime.command, [...runtime.scriptArguments, program], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: `${stdout}${stderr}` });
    });
  });
  assert.is(code, 0, output);
  assert.is(output.trim(), said);
});

test.run();
