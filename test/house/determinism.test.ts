import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AllowList, undeterminedUses } from "./determinism.ts";
import { holds, projectSources } from "./sources.ts";

/** The one real implementation of each interface, and the outermost shells. */
const allowed: AllowList = {
  "actors/system_clock.ts": ["Date.now", "performance.now", "setTimeout", "setImmediate", "process"],
  "actors/system_random.ts": ["randomUUID", "process"],
  "actors/system_disk.ts": ["files", "process"],
  "actors/system_processes.ts": ["files", "process"],
  "runtime/scratch/lmdb_store.ts": ["files"],
  "runtime/scratch/sqlite_store.ts": ["files"],
  "runtime/scratch/stores.ts": ["files"],
  "runtime/connectors/stdout.ts": ["process"],
  "runtime/simulation/caller.ts": ["process"],
  "runtime/cluster/watchdog_start.ts": ["process"],
  "runtime/cluster/watchdog_thread.ts": ["process"],
  "runtime/cli/main.ts": ["process"],
};

const determinism = suite("determinism");

determinism("only the real implementations of the interfaces touch time, chance, files and sockets", () => {
  holds(undeterminedUses(projectSources(), allowed));
});

determinism("each banned use is found", () => {
  const uses = ["Date.now()", "new Date()", "Date()", "performance.now()", "process.hrtime.bigint()", "setTimeout(f, 1)"];
  uses.push("setInterval(f, 1)", "setImmediate(f)", "queueMicrotask(f)", "process.nextTick(f)", "Math.random()");
  uses.push("crypto.randomUUID()", "AbortSignal.timeout(5)", "a.localeCompare(b)", 'import "node:fs/promises";', "fetch(url)");
  uses.push('import { connect } from "node:net";', "globalThis.setTimeout(f, 1)", "const later = setTimeout;", "Deno.open(a)");
  uses.push("const text = `${Date.now()}`;", "process.env", "new WeakRef(a)", "new Date;");
  for (const text of uses) {
    assert.ok(undeterminedUses([{ path: "actors/a.ts", text }], {}).length > 0, text);
  }
});

determinism("a date made of an argument, a name in a comment and a method of the same name are not objected to", () => {
  const fine = ["new Date(ms)", "// Date.now()", "/** calls setTimeout */", '"Math.random"', "source.fetch(n)", "x: Date"];
  fine.push(
    "record.process(event)",
    "const process = 1;",
    "operator.process.name",
    'import { p } from "./process.ts";',
    "new Date(clock.now()).toISOString()",
  );
  for (const text of fine) {
    holds(undeterminedUses([{ path: "actors/a.ts", text }], {}));
  }
});

determinism("an entry of the allow-list that is of no use is found", () => {
  assert.is(undeterminedUses([{ path: "actors/a.ts", text: "" }], { "actors/a.ts": ["Date.now"] }).length, 1);
});

determinism.run();
