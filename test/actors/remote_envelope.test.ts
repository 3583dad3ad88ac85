import { suite } from "uvu";
import * as assert from "uvu/assert";
import { putRefs, takeRefs } from "../../actors/placed_refs.ts";
import { type Envelope, openEnvelope, type PlacedRef, sealEnvelope, type WireRef } from "../../actors/remote_envelope.ts";

const envelopes = suite("remote envelope");

const ref: WireRef = { kind: "actor", address: { system: "s-1", path: "a/b", id: 7 } };
const envelope: Envelope = {
  kind: "tell",
  from: "s-0123456789ab",
  sequence: 3,
  path: "a/b",
  id: 7,
  message: { kind: "note", n: 35, at: [1, null] },
  refs: [{ at: ["at", 1], ref }],
};

envelopes("comes back as it was sealed", () => {
  assert.equal(openEnvelope(sealEnvelope(envelope), 1_000_000), { kind: "envelope", envelope });
});

envelopes("with any one bit flipped, or cut at any byte, is corrupt", () => {
  const sealed = sealEnvelope(envelope);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const damaged = sealed.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(openEnvelope(damaged, 1_000_000).kind, "corrupt", `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.is(openEnvelope(sealed.subarray(0, length), 1_000_000).kind, "corrupt", `${length} bytes`);
  }
  assert.is(openEnvelope(sealed, sealed.length - 5).kind, "corrupt", "over the limit");
});

envelopes("of a kind or form that there is not is corrupt", () => {
  const wrong: readonly object[] = [
    { kind: "tell" },
    { ...envelope, kind: "boom" },
    { ...envelope, from: "a.b" },
    { ...envelope, from: "a>" },
    { ...envelope, id: -1 },
    { ...envelope, refs: [{ at: [], ref: { kind: "actor", address: { system: "*", path: "a", id: 1 } } }] },
  ];
  for (const each of wrong) {
    assert.is(openEnvelope(sealEnvelope(each as Envelope), 1_000_000).kind, "corrupt", JSON.stringify(each));
  }
});

envelopes("refs are taken out of a message and put back, and the message is left as it was", () => {
  const [one, two] = [{ ref: 1 }, { ref: 2 }];
  const message = { to: one, list: [0, { deep: two }], n: NaN };
  const wireRefOf = (value: object) => value === one || value === two ? ref : undefined;
  const taken = takeRefs(message, wireRefOf);
  assert.equal(taken.message, { to: null, list: [0, { deep: null }], n: NaN });
  assert.is(message.to, one);
  assert.equal(taken.refs.map(({ at }) => at), [["to"], ["list", 1, "deep"]]);
  assert.equal(putRefs(taken.message, taken.refs, () => "back"), {
    message: { to: "back", list: [0, { deep: "back" }], n: NaN },
  });
  assert.equal(takeRefs(one, wireRefOf), { message: null, refs: [{ at: [], ref }] });
  assert.equal(putRefs(null, [{ at: [], ref }], () => "root"), { message: "root" });
});

envelopes("refs are put only where the message has a place for them, never into prototypes", () => {
  const places: PlacedRef["at"][] = [["__proto__", "polluted"], ["constructor"], ["n"], ["list", "length"], ["list", 5], [
    "map",
    "x",
  ], []];
  for (const at of places) {
    const message = { n: 1, list: [null], map: new Map([["x", null]]), constructor: undefined };
    assert.is(putRefs(message, [{ at, ref }], () => "never"), undefined, at.join("."));
  }
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
});

envelopes.run();
