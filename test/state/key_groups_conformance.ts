import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { keyGroupOf } from "../../runtime/graph/key.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { list, value } from "../../runtime/state/descriptor.ts";
import { storedEntries } from "../../runtime/state/stored_entries.ts";
import { fails, keyGroupCount, type Make, Subject } from "./backend_subject.ts";

/** What every keyed state backend must do when key groups have other owners after a restore. */
export function testKeyGroups(name: string, make: Make): void {
  const conforms = suite(`${name} is restored by key group`);

  conforms("a subtask reads the key groups of its own only", () => {
    const descriptors = { n: value(Type.Number(), 0) };
    const subject = new Subject(make, descriptors);
    const byGroup = new Map<number, string>();
    // So many that each group has a chunk of its own.
    for (let i = 0; i < 1_000 * keyGroupCount; i++) {
      byGroup.set(keyGroupOf(`key-${i}`, keyGroupCount), `key-${i}`);
      subject.at(`key-${i}`).n.set(1);
    }
    const [part] = subject.snapshot() as [RestoredPart];
    const damaged = { ...part, bytes: part.bytes.slice() };
    damaged.bytes[0] = 0xc1; // the first chunk is that of group 0
    const first = new Subject(make, descriptors, { subtask: 0, parallelism: 2 });
    fails("STATE_DAMAGED", /state n of operator totals, old subtask 0, key group 0/, () => first.backend.restore([damaged]));
    const second = new Subject(make, descriptors, { subtask: 1, parallelism: 2 });
    second.backend.restore([damaged]);
    assert.is(second.at(byGroup.get(keyGroupCount - 1)!).n.get(), 1);
  });

  conforms("of a chunk that several subtasks share each takes its own keys, and tells what others hold of them", async () => {
    const descriptors = { n: value(Type.Number(), 0), l: list(Type.String()) };
    const subject = new Subject(make, descriptors);
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
    for (const key of keys) subject.at(key).n.set(1);
    subject.at("key-7").l.add("one");
    const parts = subject.snapshot();
    for (const parallelism of [1, 2, 3, 16]) {
      const held: unknown[] = [];
      for (let subtask = 0; subtask < parallelism; subtask++) {
        const own = new Subject(make, descriptors, { subtask, parallelism });
        own.backend.restore(parts);
        const { bytes } = own.snapshot()[0]!;
        const reader = {
          length: bytes.length,
          read: async (from: number, length: number) => bytes.subarray(from, from + length),
        };
        for await (const { name, key, keyGroup } of storedEntries("totals", subtask, [reader])) {
          assert.is(keyGroup, keyGroupOf(key, keyGroupCount));
          held.push(`${name} ${String(key)}`);
        }
      }
      assert.equal(held.sort(), [...keys.map((key) => `n ${key}`), "l key-7"].sort(), `${parallelism} subtasks`);
    }
  });

  conforms.run();
}
