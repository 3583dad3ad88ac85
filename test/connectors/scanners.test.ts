import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { ElementScanner } from "../../runtime/connectors/element_scanner.ts";
import { LineScanner } from "../../runtime/connectors/line_scanner.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

interface Scanner {
  readonly offset: number;
  push(chunk: Uint8Array): void;
  end(): void;
  next(): Uint8Array | string;
}

/** All that a scanner has to say about some bytes given in chunks: texts with their offsets, and events. */
function scan(scanner: Scanner, chunks: readonly Uint8Array[]): string[] {
  const said: string[] = [];
  const left = [...chunks];
  for (;;) {
    const found = scanner.next();
    if (found === "starved") {
      const chunk = left.shift();
      if (chunk === undefined) scanner.end();
      else scanner.push(chunk);
    } else if (found === "done") {
      assert.is(scanner.next(), "done");
      return said;
    } else if (typeof found === "string") said.push(`${found} at ${scanner.offset}`);
    else said.push(`${scanner.offset}: ${decoder.decode(found).trimEnd()}`);
  }
}

/** The bytes cut in two at every place, and into single bytes. */
function* cuts(bytes: Uint8Array): Iterable<readonly Uint8Array[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

const elements = suite("element scanner");

const scanElements = (chunks: readonly Uint8Array[], max = 1_000) => scan(new ElementScanner(max), chunks);

function saysOfArray(text: string | Uint8Array, expected: readonly string[], max?: number): void {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  for (const chunks of cuts(bytes)) assert.equal(scanElements(chunks, max), expected, `${text} in ${chunks.length} chunks`);
}

elements("finds elements of every kind, with their offsets, however the bytes are cut", () => {
  saysOfArray('[1,"a",null]', ["1: 1", '3: "a"', "7: null"]);
  saysOfArray(' \n[ {"a":[1,{"b":2}]} ,\t[] , -1.5e3\r\n]\n ', ['4: {"a":[1,{"b":2}]}', "24: []", "29: -1.5e3"]);
  saysOfArray('["é€😀",{"ключ":"値"}]', ['1: "é€😀"', '13: {"ключ":"値"}']);
  saysOfArray(String.raw`["a,]","\"]","\\",{"[":"}"}]`, [
    '1: "a,]"',
    String.raw`7: "\"]"`,
    String.raw`13: "\\"`,
    '18: {"[":"}"}',
  ]);
  saysOfArray("[]", []);
  saysOfArray(" [\n] ", []);
  saysOfArray("\ufeff[1]", ["4: 1"]);
});

elements("a missing or malformed element does not hide its neighbours", () => {
  saysOfArray("[1,,2]", ["1: 1", "3: ", "4: 2"]);
  saysOfArray("[,1]", ["1: ", "2: 1"]);
  saysOfArray("[1,]", ["1: 1", "3: "]);
  saysOfArray('[1,oops,{"a":},} ,2]', ["1: 1", "3: oops", '8: {"a":}', "15: }", "18: 2"]);
});

elements("what is no array, cut off, or followed by something is said, where it is", () => {
  saysOfArray("", ["no-array at 0"]);
  saysOfArray('  {"a":1}', ["no-array at 2"]);
  saysOfArray("x\ufeff[1]", ["no-array at 0"]);
  saysOfArray("[", ["cut-off at 1"]);
  saysOfArray('[1,{"a":2', ["1: 1", "cut-off at 3"]);
  saysOfArray("[1,", ["1: 1", "cut-off at 3"]);
  saysOfArray('["open]', ["cut-off at 1"]);
  saysOfArray("[1] [2]", ["1: 1", "trailing at 4"]);
});

elements("an element over its limit is passed over", () => {
  saysOfArray('["12345678",1,[[[[[[[[[]]]]]]]]],"1234"]', ["too-long at 1", "12: 1", "too-long at 14", '33: "1234"'], 7);
  saysOfArray('["123456', ["too-long at 1", "cut-off at 1"], 4);
});

elements("gives every JSON array back, however it is written and cut", () => {
  const property = fc.property(
    fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 8 }),
    fc.constantFrom(undefined, 1, "\t"),
    fc.array(fc.nat(), { maxLength: 6 }),
    (values, indent, places) => {
      const bytes = encoder.encode(JSON.stringify(values, null, indent));
      const ends = [...places.map((place) => place % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
      const chunks = ends.slice(1).map((end, index) => bytes.subarray(ends[index], end));
      const found = scanElements(chunks, 1e6).map((said) => JSON.parse(said.slice(said.indexOf(":") + 1)));
      assert.equal(JSON.stringify(found), JSON.stringify(values));
    },
  );
  fc.assert(property, { seed: 7, numRuns: 300 });
});

elements.run();

const lines = suite("line scanner");

function saysOfLines(
  text: string,
  expected: readonly string[],
  range: { from?: number; to?: number; within?: boolean; max?: number } = {},
) {
  const bytes = encoder.encode(text);
  const { from = 0, to = bytes.length, within = false, max = 1_000 } = range;
  for (const chunks of cuts(bytes.subarray(from))) {
    const scanner = new LineScanner({ from, to, within, maxLineBytes: max });
    assert.equal(scan(scanner, chunks), expected, `${JSON.stringify(text)} from ${from} in ${chunks.length} chunks`);
  }
}

lines("ends lines at \\n, with or without \\r, and the last one at the end of the file", () => {
  saysOfLines("a\nbc\r\n\nd", ["0: a", "2: bc", "6: ", "7: d"]);
  saysOfLines("a\n", ["0: a"]);
  saysOfLines("", []);
  saysOfLines("\n", ["0: "]);
  saysOfLines("é\n😀\r\n", ["0: é", "3: 😀"]);
});

lines("gives the lines that start in its range, whole", () => {
  const text = "aaa\nbbb\nccc\n";
  saysOfLines(text, ["0: aaa", "4: bbb"], { to: 5 });
  saysOfLines(text, ["4: bbb"], { from: 3, to: 5, within: true });
  saysOfLines(text, ["8: ccc"], { from: 4, to: 12, within: true });
  saysOfLines(text, [], { from: 4, to: 8, within: true });
  saysOfLines(text, [], { from: 8, to: 12, within: true });
});

lines("a line over its limit is said once and passed over", () => {
  saysOfLines("a\nlonger\r\nb", ["0: a", "too-long at 2", "10: b"], { max: 4 });
  saysOfLines("longer", ["too-long at 0"], { max: 4 });
  saysOfLines("longer\nmuch longer\nb\n", ["too-long at 0"], { max: 4, to: 7 });
  saysOfLines("1234\n", ["0: 1234"], { max: 4 });
});

lines("ranges of any size give every line to exactly one of them", () => {
  const property = fc.property(
    fc.array(fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => text.replace(/[\r\n\s]/g, "_")), { maxLength: 12 }),
    fc.boolean(),
    fc.integer({ min: 1, max: 20 }),
    (texts, lastEnds, size) => {
      const bytes = encoder.encode(texts.join("\n") + (lastEnds && texts.length > 0 ? "\n" : ""));
      const whole = scan(new LineScanner({ from: 0, to: bytes.length, within: false, maxLineBytes: 99 }), [bytes]);
      const parts: string[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        const from = Math.max(0, start - 1);
        const to = Math.min(bytes.length, start + size);
        parts.push(...scan(new LineScanner({ from, to, within: start > 0, maxLineBytes: 99 }), [bytes.subarray(from)]));
      }
      assert.equal(parts, whole);
      const expected = texts.at(-1) === "" && !lastEnds ? texts.slice(0, -1) : texts;
      assert.equal(whole.map((said) => said.slice(said.indexOf(":") + 2)), expected);
    },
  );
  fc.assert(property, { seed: 11, numRuns: 400 });
});

lines.run();
