import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { decodeManifest, encodeManifest } from "../../runtime/checkpoint/manifest_codec.ts";
import { decodeSealedJson, encodeSealedJson } from "../../runtime/checkpoint/sealed_json.ts";
import type { Manifest } from "../../runtime/checkpoint/manifest.ts";
import { manifestOf } from "./manifests.ts";

const manifests = suite("manifest codec");

const file = { name: "data-1", bytes: 100, checksum: 7 };
const whole = manifestOf(3, [file]);

/** What is said of a manifest that is sealed rightly but has other content. */
function reasonOf(content: unknown): string {
  const decoded = decodeManifest(encodeSealedJson(content));
  if (decoded.kind === "manifest") throw new Error("was believed");
  return decoded.reason;
}

/** The manifest with one field replaced, by its path. */
function changed(path: string, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(whole)) as Record<string, unknown>;
  const steps = path.split(".");
  let at = copy;
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
  const last = steps.at(-1) as string;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

manifests("brings back every manifest", () => {
  for (const mode of ["aligned", "unaligned", "at-least-once", { alignedTimeoutMs: 0 }] as const) {
    const manifest: Manifest = manifestOf(9_007_199_254_740_991, [file, { ...file, name: "part_2.bin" }], { mode });
    assert.equal(decodeManifest(encodeManifest(manifest)), { kind: "manifest", manifest });
  }
});

manifests("is JSON that other tools can read", () => {
  const text = new TextDecoder().decode(encodeManifest(whole));
  assert.match(text, /^\{"crc32":"[0-9a-f]{8}","content":\{"version":1,/);
  assert.equal((JSON.parse(text) as { readonly content: unknown }).content, whole);
});

manifests("says of a file with the checksum of before that an earlier version wrote it", () => {
  const before = new TextEncoder().encode('{"crc32c":"e3069283","content":{}}\n');
  assert.equal(decodeSealedJson(before), { kind: "damaged", reason: "a version of Sluice before 0.1.0 wrote it" });
});

manifests("refuses names that lead out of the checkpoint's folder", () => {
  for (
    const name of [
      "../data",
      "..",
      ".",
      "/etc/passwd",
      "a/b",
      "a\\b",
      ".hidden",
      "",
      "a\0b",
      "C:x",
      "http://x",
      "x".repeat(201),
      "é",
    ]
  ) {
    assert.match(reasonOf(changed("files.0.name", name)), /\/files\/0\/name/, name);
  }
});

manifests("refuses extents outside their file, and files named twice", () => {
  assert.match(reasonOf(changed("parts.0.at.0.bytes", 101)), /\/parts\/0: it lies outside its file/);
  assert.match(reasonOf(changed("parts.0.at.0.offset", 1)), /outside/);
  assert.match(reasonOf(changed("channels.0.captured.0.file", 1)), /\/channels\/0: it lies outside its file/);
  assert.match(reasonOf({ ...whole, files: [file, file] }), /a name is used twice/);
});

manifests("refuses other versions, missing and unknown fields, and numbers out of range", () => {
  assert.match(reasonOf(changed("version", 2)), /it has version 2, this program reads version 1/);
  for (const field of Object.keys(whole)) reasonOf(changed(field, undefined));
  const wrong: readonly (readonly [path: string, value: unknown])[] = [
    ...[["extra", 1], ["parts.0.extra", 1], ["channels.0.extra", 1], ["files.0.path", "/etc"], ["mode.extra", 1]] as const,
    ...[["id", 0], ["id", -1], ["id", 1.5], ["id", 2 ** 53], ["id", "1"], ["attempt", -1], ["keyGroups", 0]] as const,
    ...[["files.0.bytes", -1], ["files.0.checksum", 2 ** 32], ["parts.0.scope", "global"], ["mode", "exactly-once"]] as const,
    ...[["mode", { alignedTimeoutMs: -1 }], ["channels.0.processed", null], ["tasks.0.parallelism", 0], ["job", ""]] as const,
  ];
  for (const [path, value] of wrong) assert.ok(reasonOf(changed(path, value)).length > 0, path);
  for (const content of [null, 1, "x", [], {}, [whole]]) assert.ok(reasonOf(content).length > 0);
});

manifests("refuses to write what it would refuse to read", () => {
  for (const wrong of [{ watermark: NaN }, { sent: Infinity }, { sent: -1 }]) {
    const channels = [{ ...whole.channels[0]!, ...wrong }];
    assert.throws(() => encodeManifest({ ...whole, channels }), /Cannot complete checkpoint 3: its manifest would be unreadable/);
  }
});

manifests("believes no bytes but those that were written: cut, flipped, extended, random", () => {
  const bytes = encodeManifest(whole);
  for (let length = 0; length < bytes.length; length++) {
    assert.is(decodeManifest(bytes.subarray(0, length)).kind, "damaged", `cut at ${length}`);
  }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.is(decodeManifest(flipped).kind, "damaged", `bit ${bit}`);
  }
  assert.is(decodeManifest(Uint8Array.from([...bytes, 10])).kind, "damaged");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (random) => assert.is(decodeManifest(random).kind, "damaged")),
    { seed: 3, numRuns: 500 },
  );
});

manifests("opens any sealed JSON, and takes what only looks sealed for damaged", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const expected: unknown = JSON.parse(JSON.stringify(value));
      assert.equal(decodeSealedJson(encodeSealedJson(value)), { kind: "content", content: expected });
    }),
    { seed: 4, numRuns: 300 },
  );
  const deep = new TextEncoder().encode("[".repeat(100_000));
  assert.is(decodeSealedJson(deep).kind, "damaged");
});

manifests.run();
