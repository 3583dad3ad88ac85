import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type JsonArrayOptions, jsonArraySource } from "../../runtime/connectors/json_array.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { ConnectorWorld, readAll, readSplit, writeFile } from "./connector_world.ts";
import { failsWith } from "./fails_with.ts";

const array = suite("JSON array source");

async function read(content: string | Uint8Array, options: JsonArrayOptions = {}) {
  const world = new ConnectorWorld();
  await writeFile(world.disk, "in.json", content);
  return { world, values: await readAll(world, jsonArraySource("in.json", options)) };
}

const skips = async (content: string | Uint8Array, values: readonly unknown[], count: number, options: JsonArrayOptions = {}) => {
  const result = await read(content, { ...options, onMalformed: "skip" });
  assert.equal(result.values, values);
  assert.is(result.world.counts.get("malformedRecords"), count);
  assert.is(result.world.log.length, 1);
};

array("a malformed element fails with its file, index and byte, or is skipped and counted", async () => {
  const text = '[{"a":1}, {"a":}, oops, {"a":4}]';
  await failsWith(
    "RECORD_MALFORMED",
    /in: element 1 of "in\.json", at byte 10, cannot be read: it is not JSON .*onMalformed/,
    () => read(text),
  );
  await skips(text, [{ a: 1 }, { a: 4 }], 2);
});

array("a missing element, and bytes that are no UTF-8, are malformed", async () => {
  await failsWith("RECORD_MALFORMED", /element 1 .*at byte 3.*nothing between two commas/, () => read("[1,,2]"));
  await skips("[1,,2]", [1, 2], 1);
  const bytes = new Uint8Array([...new TextEncoder().encode('["a","'), 0xc3, 0x28, ...new TextEncoder().encode('","b"]')]);
  await failsWith("RECORD_MALFORMED", /element 1 .*at byte 5.*not UTF-8/, () => read(bytes));
  await skips(bytes, ["a", "b"], 1);
});

array("a file that ends inside the array fails, or gives what there is", async () => {
  await failsWith(
    "RECORD_MALFORMED",
    /element 2 of "in\.json", at byte 6, .*the file ends before the array does/,
    () => read('[1, 2,{"a"'),
  );
  await skips('[1, 2,{"a"', [1, 2], 1);
  await skips("[1, 2", [1], 1);
  await failsWith("RECORD_MALFORMED", /at byte 4.*something else follows/, () => read("[1] 2"));
});

array("a file that holds no array fails whatever the policy", async () => {
  for (const content of ["", "  ", '{"a":1}', "null"]) {
    await failsWith("RECORD_MALFORMED", /"in\.json" holds no JSON array/, () => read(content, { onMalformed: "skip" }));
  }
});

array("an element against the schema is malformed, with the path of the field", async () => {
  const schema = Type.Object({ a: Type.Object({ b: Type.Number() }) });
  const text = '[{"a":{"b":1}},{"a":{"b":"x"}}]';
  await failsWith(
    "RECORD_MALFORMED",
    /element 1 .*does not fit the schema: field \/a\/b: expected number/,
    () => read(text, { schema }),
  );
  await skips(text, [{ a: { b: 1 } }], 1, { schema });
});

array("an element that is too long is malformed", async () => {
  const text = JSON.stringify(["x".repeat(50), 1]);
  await failsWith("RECORD_MALFORMED", /longer than maxElementBytes: 20/, () => read(text, { maxElementBytes: 20 }));
  await skips(text, [1], 1, { maxElementBytes: 20 });
});

array("reads elements that are longer than the chunks they come in", async () => {
  const values = ["é".repeat(700_000), 1, { deep: "😀".repeat(200_000) }];
  assert.equal((await read(JSON.stringify(values))).values, values);
});

array("an empty array ends at once, however often it is repeated", async () => {
  assert.equal((await read("[]", { repeat: 1_000_000_000 })).values, []);
});

array("a file that is missing or cannot be read is named", async () => {
  await failsWith(
    "SOURCE_MISSING",
    /source in: there is no file "no\/such\.json": a relative path starts at the folder/,
    () => readAll(new ConnectorWorld(), jsonArraySource("no/such.json")),
  );
  await failsWith(
    "SOURCE_MISSING",
    /"\/no\/such\.json": check the path/,
    () => readAll(new ConnectorWorld(), jsonArraySource("/no/such.json")),
  );
  const disk = new SimulatedDisk();
  await writeFile(disk, "in.json", "[1]");
  disk.inject = ({ action }) => action === "read" ? "denied" : undefined;
  await failsWith(
    "SOURCE_UNREADABLE",
    /"in\.json" cannot be read: .*permission denied/,
    () => readAll(new ConnectorWorld(() => disk), jsonArraySource("in.json")),
  );
});

array("a file that has fewer elements than were read, or is shorter than when it was opened, is an error", async () => {
  const world = new ConnectorWorld();
  await writeFile(world.disk, "in.json", "[1,2]");
  const lost = /"in\.json" was read up to element 3 before, and now ends after 2/;
  const source = jsonArraySource("in.json");
  const at = (position: unknown) => () => readSplit(world, source, { id: "in.json" }, { position });
  await failsWith("SOURCE_POSITION_LOST", lost, at({ round: 0, index: 3 }));
  await failsWith("SOURCE_POSITION_LOST", /3th time|repeat is now 1/, at({ round: 2, index: 0 }));
  await writeFile(world.disk, "in.json", "[1,2,");
  await failsWith("SOURCE_POSITION_LOST", /before, and now ends after 2/, at({ round: 0, index: 3 }));
  const reader = await source.open({ id: "in.json" }, undefined, world.source());
  await writeFile(world.disk, "in.json", "[1");
  await failsWith("SOURCE_POSITION_LOST", /has 2 bytes, but had at least 5/, async () => {
    while (await world.poll(reader, () => true, 10) !== "ended");
  });
  await reader.close();
});

array("goes on in later rounds when it is repeated more often than before", async () => {
  const world = new ConnectorWorld();
  await writeFile(world.disk, "in.json", "[1,2]");
  const split = { id: "in.json" };
  const end = (await readSplit(world, jsonArraySource("in.json", { repeat: 2 }), split)).at(-1)!.position;
  assert.equal(end, { round: 1, index: 2 });
  const rest = await readSplit(world, jsonArraySource("in.json", { repeat: 3 }), split, { position: end });
  assert.equal(rest.map(({ value }) => value), [1, 2]);
});

array("keeps to its rate, also while it passes over what was read before", async () => {
  const world = new ConnectorWorld();
  await writeFile(world.disk, "in.json", JSON.stringify(Array.from({ length: 1_000 }, (_, n) => n)));
  const source = jsonArraySource("in.json", { ratePerSecond: 100 });
  const rest = await readSplit(world, source, { id: "in.json" }, { position: { round: 0, index: 900 }, maxRecords: 50 });
  assert.is(rest.length, 100);
  const took = world.clock.monotonic();
  assert.ok(took >= 980 && took <= 1_010, `took ${took} ms`);
});

array("options out of range are refused where they are given", () => {
  for (
    const make of [
      () => jsonArraySource(""),
      () => jsonArraySource("a\0b"),
      () => jsonArraySource("a", { repeat: 0 }),
      () => jsonArraySource("a", { repeat: Infinity }),
      () => jsonArraySource("a", { ratePerSecond: -1 }),
      () => jsonArraySource("a", { maxElementBytes: 1.5 }),
      () => jsonArraySource("a", { onMalformed: "ignore" as "skip" }),
    ]
  ) {
    assert.throws(
      make,
      (error: { code?: string; message: string }) =>
        error.code === "OPTION_OUT_OF_RANGE" && error.message.startsWith("jsonArraySource: "),
    );
  }
});

array.run();
