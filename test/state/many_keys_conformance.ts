import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Key, keyGroupOf } from "../../runtime/graph/key.ts";
import { list, map, type, value } from "../../runtime/state/descriptor.ts";
import type { KeyedTimers } from "../../runtime/state/timers.ts";
import type { WindowTable } from "../../runtime/state/window_table.ts";
import { exactDifference } from "../codec/exact_difference.ts";
import { fails, keyGroupCount, type Make, Subject } from "./backend_subject.ts";

/** What every keyed state backend must do where key groups hold so many keys that they are written as tables. */
export function testManyKeys(name: string, make: Make): void {
  const conforms = suite(`${name} holds many keys`);

  conforms("groups of many keys come back exactly, also when half of them change while they are written", () => {
    const values: readonly ((n: number) => object | string | number | boolean)[] = [
      (n) => ({ count: n, sum: n * 100_000 }),
      (n) => ({ text: `text ${n}`, half: n / 2, flag: n % 2 === 0 }),
      (n) => n === 7 ? -0 : n,
      (n) => `text ${n}`,
      () => ({ same: "in all", of: 1 }),
      (n) => n % 3 === 0 ? { x: n } : n % 3 === 1 ? [n, { x: n }] : true,
      (n) => ({ inner: { n, at: new Date(n) } }),
    ];
    for (const [which, of] of values.entries()) {
      const descriptors = {
        v: value(type<unknown>(), "none"),
        m: map(type<unknown>(), { ttlMs: 1_000 }),
        l: list(type<unknown>()),
      };
      const subject = new Subject(make, descriptors, { now: () => 5 });
      const keys = Array.from({ length: 400 }, (_, n): Key => which % 2 === 0 ? n : `key ${n}`);
      const fill = (from: number, step: number, shift: number) => {
        for (let n = from; n < keys.length; n += step) {
          const { v, m, l } = subject.at(keys[n]!);
          v.set(of(n + shift));
          m.set("a", of(n + shift));
          l.set([of(n + shift), n]);
        }
      };
      fill(0, 1, 0);
      const part = subject.backend.snapshot({});
      const slices: Uint8Array[] = [];
      let written = 0;
      for (const slice of part.slices()) {
        slices.push(slice.slice());
        if (written++ === 3) fill(0, 2, 1);
        if (written === 5) { for (let n = 1; n < 400; n += 4) subject.at(keys[n]!).v.clear(); }
      }
      part.release?.();
      const bytes = Uint8Array.from(slices.flatMap((slice) => [...slice]));
      const back = new Subject(make, descriptors, { now: () => 5 });
      back.backend.restore([{ scope: "keyed", name: part.name, subtask: 0, bytes }]);
      for (const [n, key] of keys.entries()) {
        const { v, m, l } = back.at(key);
        assert.is(exactDifference(of(n), v.get(), `value ${n} of ${which}`), undefined);
        assert.is(exactDifference([["a", of(n)]], [...m.entries()], `map ${n} of ${which}`), undefined);
        assert.is(exactDifference([of(n), n], [...l.get()], `list ${n} of ${which}`), undefined);
      }
    }
  });

  conforms("many timers and windows come back in their order, also when half of them go while they are written", () => {
    const contentOf = (subject: Subject<Record<never, never>>, timers: KeyedTimers, windows: WindowTable) => {
      const fired = Array.from({ length: timers.size }, () => {
        const { at, name, key } = timers.take();
        return [at, name, key];
      });
      const closed = Array.from({ length: windows.size }, () => {
        const { end, group, entry } = windows.take();
        return [end, group, entry.key, entry.value];
      });
      return { subject, fired, closed };
    };
    const made = () => {
      const subject = new Subject(make, {});
      return [subject, subject.backend.timers("timers"), subject.backend.windows("windows", "of a test")] as const;
    };
    const filled = () => {
      const [subject, timers, windows] = made();
      for (let n = 0; n < 1_000; n++) {
        const key = n % 2 === 0 ? n : `key ${n}`;
        const group = keyGroupOf(key, keyGroupCount);
        timers.add(n * 7919 % 500, n % 3 === 0 ? "named" : undefined, key, key, group);
        windows.insert(n % 10 * 60_000, group, key, key, n % 5 === 0 ? n : { sum: n, count: 1 });
      }
      return [subject, timers, windows] as const;
    };
    const expected = contentOf(...filled());
    const [subject, timers, windows] = filled();
    const part = subject.backend.snapshot({});
    const slices: Uint8Array[] = [];
    for (const slice of part.slices()) {
      slices.push(slice.slice());
      for (let n = 0; slices.length === 4 && n < 500; n++) {
        timers.take();
        windows.take();
      }
    }
    assert.is(timers.size + windows.size, 1_000);
    part.release?.();
    const back = made();
    const bytes = Uint8Array.from(slices.flatMap((slice) => [...slice]));
    back[0].backend.restore([{ scope: "keyed", name: part.name, subtask: 0, bytes }]);
    const { fired, closed } = contentOf(...back);
    assert.equal(fired, expected.fired);
    assert.equal(closed, expected.closed);
  });

  conforms("a value among many that cannot be written is named by its key, whether it is alike or not", () => {
    for (const odd of [{ x: 1, y: (): void => {} }, (): void => {}, Object.defineProperty({ x: 1 }, "y", { value: 1 })]) {
      const subject = new Subject(make, { v: value(type<unknown>(), 0) });
      for (let n = 0; n < 400; n++) subject.at(n).v.set({ x: n, y: "text" });
      fails("UNENCODABLE_VALUE", /operator totals, key 77, state v/, () => {
        subject.at(77).v.set(odd);
        subject.snapshot();
      });
    }
  });

  conforms.run();
}
