import { spawnSync } from "node:child_process";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { takesUpTo } from "../limit.ts";
import { projectRoot, type RuntimeName, runtimeNames } from "./discover.ts";

takesUpTo(120_000);

/** Runs the fixtures, which pass, fail, crash and hang as their names say. */
function run(
  runtimes: RuntimeName | readonly RuntimeName[],
  ...filters: string[]
): { readonly lines: string[]; readonly status: number | null } {
  const wanted = [runtimes].flat().flatMap((runtime) => ["--runtime", runtime]);
  const { stdout, status } = spawnSync(
    process.execPath,
    ["--import", "tsx", "test/run.ts", ...wanted, "--folder", "test/runner/fixtures", ...filters],
    { cwd: projectRoot, encoding: "utf8" },
  );
  return { lines: stdout.trimEnd().split("\n"), status };
}

const runner = suite("the test runner");

for (const runtime of runtimeNames) {
  runner(`${runtime}: counts passes, failures and loud skips, and shows what the failing file printed`, () => {
    const { lines, status } = run(runtime, "a_counts", "i_last");
    assert.is(lines.at(-1), "3 passed, 1 failed, 1 skipped");
    assert.is(status, 1);
    const text = lines.join("\n");
    assert.match(text, "SKIPPED test/runner/fixtures/a_counts.test.ts: there is no moon tonight");
    assert.match(text, /FAILURE on \w+: test\/runner\/fixtures\/a_counts\.test\.ts\n.*"fails and says how"/);
    assert.match(text, "printed by the failing test");
  });

  runner(`${runtime}: a process that ends or hangs is named, and the files after it still run`, () => {
    const { lines, status } = run(runtime, "b_exits", "c_hangs", "i_last");
    assert.is(lines.at(-1), "3 passed, 2 failed, 0 skipped");
    assert.is(status, 1);
    const text = lines.join("\n");
    assert.match(text, /b_exits\.test\.ts\n {2}The process ended with exit code 0 \(in suite "exits", after 1 of its tests\)/);
    assert.match(text, /c_hangs\.test\.ts\n {2}Hung: .* 500 ms \(in suite "hangs", after 1 of its tests\)/);
  });

  runner(`${runtime}: a file without tests, a stray rejection, a file that does not load and a failing hook are failures`, () => {
    const { lines, status } = run(runtime, "e_empty", "f_rejects", "g_broken", "h_hook");
    assert.is(lines.at(-1), "2 passed, 5 failed, 0 skipped");
    assert.is(status, 1);
    const text = lines.join("\n");
    for (
      const said of [
        "is `suite.run()` missing",
        "nobody waits for this",
        "broken while loading",
        "the hook gave up",
        "did not run",
      ]
    ) {
      assert.match(text, said);
    }
  });
}

runner("a promise that nothing will settle is reported with its file", () => {
  const { lines } = run("node", "d_never_settles", "i_last");
  assert.is(lines.at(-1), "1 passed, 1 failed, 0 skipped");
  assert.match(lines.join("\n"), /d_never_settles\.test\.ts\n {2}The process ended/);
});

runner("of several runtimes, what failed on the first is said again before the last line", () => {
  const lines = run(["node", "bun"], "a_counts", "i_last").lines.join("\n");
  const end = lines.slice(lines.indexOf("== bun: "));
  assert.match(end, /FAILURE on node: test\/runner\/fixtures\/a_counts\.test\.ts\n.*"fails and says how"/);
  assert.match(end, "FAILURE on bun: ");
});

runner("all is well: exit code 0", () => {
  const { lines, status } = run("node", "i_last");
  assert.is(lines.at(-1), "1 passed, 0 failed, 0 skipped");
  assert.is(status, 0);
});

runner("a filter that matches nothing is a failure, not a success with nothing done", () => {
  const { lines, status } = run("node", "no_such_file");
  assert.is(lines.at(-1), "0 passed, 1 failed, 0 skipped");
  assert.is(status, 1);
});

runner.run();
