import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../runner/discover.ts";

const test = suite("the page of options and events");

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const page = read("docs/options.md");

/** What stands below a heading, up to the next one. */
function section(heading: string): string {
  const from = page.indexOf(`\n${heading}\n`);
  assert.ok(from >= 0, `the page has no heading "${heading}"`);
  const rest = page.slice(from + heading.length + 2);
  const end = rest.search(/\n#+ /);
  return end < 0 ? rest : rest.slice(0, end);
}

/** The fields that an exported interface declares itself. */
function fieldsOf(path: string, name: string): string[] {
  const body = new RegExp(`export interface ${name}\\b[^\\n]*\\{\\n([^]*?)\\n\\}`).exec(read(path))?.[1];
  assert.ok(body !== undefined, `${path} has no interface ${name}`);
  const fields = [...(body as string).matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] as string);
  assert.ok(fields.length > 0, `no field of ${name} was found`);
  return fields;
}

/** The alternatives of a union of objects, by their `kind`, with their other fields. */
function alternativesOf(path: string, name: string): Map<string, string[]> {
  const source = read(path).replaceAll(/\/\*\*.*?\*\//gs, "");
  const body = new RegExp(`export type ${name} =([^]*?\\});\\n`).exec(source)?.[1];
  assert.ok(body !== undefined, `${path} has no type ${name}`);
  const alternatives = new Map<string, string[]>();
  for (const match of (body as string).matchAll(/\{\s*readonly kind: "([\w-]+)"([^]*?)\}(?=\s*(?:\||$))/g)) {
    alternatives.set(match[1] as string, [...(match[2] as string).matchAll(/readonly (\w+)\??:/g)].map((field) => field[1]!));
  }
  assert.ok(alternatives.size > 1, `no alternatives of ${name} were found`);
  return alternatives;
}

/** The row of a table that begins with this name, or has it in its second column. */
function rowsOf(text: string, name: string): string[] {
  return text.split("\n").filter((line) => line.split("|").slice(1, 3).some((cell) => cell.trim().startsWith(`\`${name}\``)));
}

/** Which section must have which options, and who declares them. */
const tables: readonly (readonly [heading: string, path: string, name: string])[] = [
  ["## `start(job, options)`", "runtime/master/options.ts", "StartOptions"],
  ["## `poison`", "runtime/master/poison.ts", "PoisonOptions"],
  ["## `poison`", "runtime/master/poison.ts", "PoisonLetter"],
  ["## `checkpoints`", "runtime/master/options.ts", "CheckpointOptions"],
  ["## Where state is", "runtime/master/options.ts", "StateOptions"],
  ["## `run.savepoint(folder, options)` and `run.stop(options)`", "runtime/master/run.ts", "SavepointOptions"],
  ["## `run.savepoint(folder, options)` and `run.stop(options)`", "runtime/master/run.ts", "StopOptions"],
  ["## `checkpoints`", "runtime/checkpoint/file_storage.ts", "FileStorageWorld"],
  ["## `channels`", "runtime/master/options.ts", "ChannelOptions"],
  ["## `job(name, define, options)`", "runtime/job/job.ts", "JobOptions"],
  ["## Operators", "runtime/job/operator_options.ts", "OperatorOptions"],
  ["## Operators", "runtime/job/operator_options.ts", "IterateOptions"],
  ["## Operators", "runtime/operators/process.ts", "ProcessOptions"],
  ["## Operators", "runtime/operators/watermarks.ts", "WatermarkOptions"],
  ["## State", "runtime/state/time_to_live.ts", "TimeToLive"],
  ["## Sources", "runtime/connectors/memory_source.ts", "MemorySourceOptions"],
  ["## Sources", "runtime/connectors/generator.ts", "GenerateOptions"],
  ["## Sources", "runtime/connectors/json_array.ts", "JsonArrayOptions"],
  ["## Sources", "runtime/connectors/jsonl.ts", "JsonlOptions"],
  ["## Sources", "runtime/connectors/record_parser.ts", "RecordOptions"],
  ["## Sinks", "runtime/connectors/memory_sink.ts", "MemorySinkOptions"],
  ["## Sinks", "runtime/connectors/jsonl_sink.ts", "JsonlSinkOptions"],
  ["## Sinks", "runtime/connectors/stdout.ts", "StdoutOptions"],
  ["### Figures of a checkpoint", "runtime/master/event.ts", "CheckpointFigures"],
  ["### Figures of a checkpoint", "runtime/master/event.ts", "SubtaskCheckpoint"],
  ["### Figures of a checkpoint", "runtime/checkpoint/contribution.ts", "SubtaskFigures"],
];

for (const [heading, path, name] of tables) {
  test(`every field of ${name} has its row below ${heading.replace(/^#+ /, "")}`, () => {
    const text = section(heading);
    for (const field of fieldsOf(path, name)) {
      assert.ok(rowsOf(text, field).length > 0, `${field} of ${name} (${path}) has no row`);
    }
  });
}

test("every kind of event has its row, with all its fields", () => {
  const text = section("## Events");
  for (const [kind, fields] of alternativesOf("runtime/master/event.ts", "JobEvent")) {
    const [row] = rowsOf(text, `"${kind}"`);
    assert.ok(row !== undefined, `the event ${kind} has no row`);
    for (const field of fields) if (field !== "at") assert.ok((row as string).includes(`\`${field}\``), `${field} of ${kind}`);
  }
  const reasons = /export type CheckpointReason = ([^;]*);/.exec(read("runtime/checkpoint/coordinator.ts"))?.[1] ?? "";
  assert.ok(reasons !== "");
  for (const [, reason] of reasons.matchAll(/"([^"]*)"/g)) assert.ok(text.includes(`\`${reason}\``), `the reason ${reason}`);
});

test("every restart strategy has its row, with all its fields", () => {
  const text = section("## `restart`");
  for (const [kind, fields] of alternativesOf("runtime/master/restart.ts", "RestartStrategy")) {
    const [row] = rowsOf(text, `"${kind}"`);
    assert.ok(row !== undefined, `the strategy ${kind} has no row`);
    for (const field of fields) assert.ok((row as string).includes(`\`${field}\``), `${field} of ${kind}`);
  }
});

test("every kind of state that the package gives is in the table of descriptors", () => {
  const text = section("## State");
  const given = /export \{ ([\w, ]+) \} from "\.\/runtime\/state\/descriptor\.ts"/.exec(read("mod.ts"))?.[1]?.split(", ") ?? [];
  assert.ok(given.length >= 6);
  for (const name of given) assert.match(text, `${name === "type" ? "type<T>()" : `${name}(`}`);
});

test("every source, sink and set of options that the package gives is on the page", () => {
  const doors = read("mod.ts");
  const names = [...doors.matchAll(/export \{ (\w+) \} from "\.\/runtime\/connectors\//g)].map((match) => match[1] as string);
  assert.ok(names.length >= 8);
  for (const name of names) assert.match(page, `\`${name}(`);
  const known = new Set(tables.map(([, , name]) => name));
  const composed = new Set(["ProcessOperatorOptions"]); // two of the others together
  for (const [, name] of doors.matchAll(/\b(\w+Options)\b/g)) {
    assert.ok(known.has(name as string) || composed.has(name as string), `no section is said to have the options ${name}`);
  }
});

test.run();
