import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Key } from "../../runtime/graph/key.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { list, map, type StateHandles, value } from "../../runtime/state/descriptor.ts";
import { fails, type Make, Subject } from "./backend_subject.ts";

/** What every keyed state backend must do with states that expire. */
export function testExpiry(name: string, make: Make): void {
  const conforms = suite(`${name} lets state expire`);

  conforms("what expires is never seen again, in whatever order uses, snapshots and restores come", () => {
    const kinds = {
      v: value(Type.Number(), 0, { ttlMs: 10 }),
      l: list(Type.Number(), { ttlMs: 10 }),
      m: map(Type.Number(), { ttlMs: 10 }),
      used: value(Type.Number(), 0, { ttlMs: 10, refreshOn: "use" }),
      kept: value(Type.Number(), 0),
    };
    let nowMs = 1_000;
    const now = () => nowMs;
    const subject = new Subject(make, kinds, { now });
    const all = (of: StateHandles<typeof kinds>) => {
      return [of.v.get(), [...of.l.get()], [...of.m.entries()], of.used.get(), of.kept.get()];
    };
    const fill = (key: Key) => {
      const { v, l, m, used, kept } = subject.at(key);
      v.set(1);
      l.add(1);
      m.set("x", 1);
      used.set(1);
      kept.set(1);
    };
    fill("k");
    nowMs = 1_009;
    assert.equal(all(subject.at("k")), [1, [1], [["x", 1]], 1, 1]);
    subject.at("k").m.set("y", 2); // the whole map begins anew
    const parts = subject.snapshot();
    nowMs = 1_010;
    assert.equal(all(subject.at("k")), [0, [], [["x", 1], ["y", 2]], 1, 1]);
    subject.at("k").v.set(subject.at("k").v.get() + 5);
    nowMs = 1_019;
    assert.equal(all(subject.at("k")), [5, [], [], 1, 1]);
    nowMs = 1_029;
    assert.equal(all(subject.at("k")), [0, [], [], 0, 1]);

    // A restore goes by the time of the restore.
    const restored = (at: number) => {
      nowMs = at;
      const other = new Subject(make, kinds, { now });
      other.backend.restore(parts);
      return all(other.at("k"));
    };
    assert.equal(restored(1_009), [1, [1], [["x", 1], ["y", 2]], 1, 1]);
    assert.equal(restored(1_018), [0, [], [["x", 1], ["y", 2]], 1, 1]);
    assert.equal(restored(1_019), [0, [], [], 0, 1]);

    fails("OPTION_OUT_OF_RANGE", /ttlMs/, () => list(Type.Number(), { ttlMs: 0 }));
  });

  conforms("what has expired leaves the state and its snapshots, though nobody asks for its key again", () => {
    let nowMs = 0;
    const subject = new Subject(make, { v: value(Type.String(), "", { ttlMs: 10 }) }, { now: () => nowMs });
    const bytesOf = (parts: readonly RestoredPart[]) => parts.reduce((sum, part) => sum + part.bytes.length, 0);
    const empty = bytesOf(subject.snapshot());
    for (let n = 0; n < 1_000; n++) subject.at(n).v.set(String(n).padStart(100));
    assert.ok(bytesOf(subject.snapshot()) > 100_000);
    nowMs = 100;
    assert.ok(bytesOf(subject.snapshot()) < empty + 100, "a snapshot has nothing of it");
    for (let n = 0; n < 1_500; n++) subject.at("other").v.set("y");
    nowMs = 0; // what is still held would show again
    assert.is([...Array(1_000).keys()].filter((n) => subject.at(n).v.get() !== "").length, 0);
  });

  conforms.run();
}
