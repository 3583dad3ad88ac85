import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Key, keyGroupOf, keyIdentity, ownerOf } from "../../runtime/graph/key.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { type KeyedDescriptors, list, map, type, value } from "../../runtime/state/descriptor.ts";
import type { KeyedBackendOptions } from "../../runtime/state/keyed_backend.ts";
import { restorable } from "../operators/fake_context.ts";
import { fails, keyGroupCount, type Make, Subject } from "./backend_subject.ts";

/** What every keyed state backend must do. */
export function testKeyedStateBackend(name: string, make: Make): void {
  const conforms = suite(`${name} is a keyed state backend`);

  conforms("every key has values of its own, of every type a key can have", () => {
    const subject = new Subject(make, { n: value(Type.Number(), 0) });
    const keys: Key[] = [1, "1", 1n, true, [1], ["1"], ["a", 2], "", 0.5, -7];
    keys.forEach((key, index) => subject.at(key).n.set(index + 100));
    keys.forEach((key, index) => assert.is(subject.at(key).n.get(), index + 100));
    assert.is(subject.at("other").n.get(), 0);
    subject.at(-0).n.set(5);
    assert.is(subject.at(0).n.get(), 5);
  });

  conforms("a value is the initial one until set and after clear", () => {
    const subject = new Subject(make, { n: value(Type.Number(), 7), u: value(type<string | undefined>(), "x") });
    const { n, u } = subject.at("k");
    assert.is(n.get(), 7);
    n.set(n.get() + 1);
    assert.is(n.get(), 8);
    n.clear();
    assert.is(n.get(), 7);
    u.set(undefined);
    assert.is(u.get(), undefined);
  });

  conforms("an initial object is not shared, neither between keys nor with the declaration", () => {
    const initial = { seen: ["first"] };
    const subject = new Subject(make, { o: value(type<{ seen: string[] }>(), initial) });
    subject.at("a").o.mutate((o) => o.seen.push("a"));
    assert.equal(subject.at("b").o.get(), { seen: ["first"] });
    assert.equal(subject.at("a").o.get(), { seen: ["first", "a"] });
    assert.equal(initial, { seen: ["first"] });
    subject.at("a").o.clear();
    assert.equal(subject.at("a").o.get(), { seen: ["first"] });
  });

  conforms("an initial object or array of primitives is not shared either", () => {
    const subject = new Subject(make, {
      o: value(type<{ n: number; s?: string }>(), { n: 1 }),
      a: value(type<number[]>(), [1, NaN]),
      d: value(type<Date>(), new Date(5)),
    });
    subject.at("a").o.mutate((o) => o.s = "a");
    subject.at("a").a.mutate((a) => a.push(2));
    assert.equal(subject.at("b").o.get(), { n: 1 });
    assert.equal(subject.at("b").a.get(), [1, NaN]);
    assert.equal(subject.at("a").o.get(), { n: 1, s: "a" });
    assert.equal(subject.at("a").a.get(), [1, NaN, 2]);
    assert.is(subject.at("b").d.get().getTime(), 5);
  });

  conforms("mutate gives what its function returns", () => {
    const subject = new Subject(make, { o: value(type<{ n: number }>(), { n: 0 }) });
    assert.is(subject.at("k").o.mutate((o) => ++o.n), 1);
    assert.is(subject.at("k").o.mutate(({ n }) => `had ${n}`), "had 1");
  });

  conforms("whole-number keys keep apart, however often they go and come again", () => {
    const subject = new Subject(make, { n: value(Type.Number(), 0) });
    const expected = new Map<number, number>();
    let random = 7;
    for (let step = 0; step < 8_000; step++) {
      random = Math.imul(random, 1_664_525) + 1_013_904_223 | 0;
      const key = (random >>> 8) % 3_000 - 1_500; // more keys than any cache of look-ups has places
      const { n } = subject.at(key);
      assert.is(n.get(), expected.get(key) ?? 0);
      if ((random >>> 28) < 4) {
        n.clear();
        expected.delete(key);
        assert.is(n.get(), 0);
      } else {
        n.set(step + 1);
        expected.set(key, step + 1);
      }
    }
    const restored = new Subject(make, { n: value(Type.Number(), 0) });
    restored.at(5).n.get();
    restored.at(5).n.set(-1);
    restored.backend.restore(subject.snapshot());
    for (let key = -1_500; key < 1_500; key++) {
      if (key !== 5 || expected.has(5)) assert.is(restored.at(key).n.get(), expected.get(key) ?? 0);
    }
  });

  conforms("mutate of a primitive is refused and names set()", () => {
    const subject = new Subject(make, { n: value(Type.Number(), 0), m: map(Type.Number()) });
    fails("STATE_NOT_MUTABLE", /totals.*"k".*state n.*set\(\)/, () => subject.at("k").n.mutate(() => {}));
    subject.at("k").m.set("x", 1);
    fails("STATE_NOT_MUTABLE", /state m\.get\("x"\)/, () => subject.at("k").m.mutate("x", () => {}));
    assert.not(subject.at("k").m.mutate("y", () => {}));
  });

  conforms("a list that was handed out does not change any more", () => {
    const subject = new Subject(make, { l: list(Type.Number()) });
    const { l } = subject.at("k");
    const empty = l.get();
    l.add(1);
    const one = l.get();
    l.add(2);
    l.add(3);
    const mine = [9];
    l.set(mine);
    mine.push(10);
    const nine = l.get();
    l.clear();
    assert.equal([empty, one, nine, l.get()], [[], [1], [9], []]);
  });

  conforms("a map keeps insertion order, tells key types apart, and can be changed while it is walked", () => {
    const subject = new Subject(make, { m: map(type<Key>(), Type.Number()) });
    const { m } = subject.at("k");
    const keys: Key[] = ["b", 1, "1", [1, "x"], true];
    keys.forEach((key, index) => m.set(key, index));
    m.set([1, "x"], 33);
    assert.equal([...m.keys()], keys);
    assert.is(m.get([1, "x"]), 33);
    assert.is(m.size, 5);
    for (const [key, n] of m.entries()) if (n % 2 === 0) m.delete(key);
    assert.equal([...m.entries()], [[1, 1], [[1, "x"], 33]]);
    assert.ok(m.has(1));
    assert.not(m.has("1"));
    assert.not(m.delete("1"));
    m.clear();
    assert.is(m.size, 0);
    assert.is(m.get(1), undefined);
  });

  conforms("handles are stale when the invocation is over, and know no key of an unkeyed one", () => {
    const subject = new Subject(make, { n: value(Type.Number(), 0), l: list(Type.Number()), m: map(Type.Number()) });
    const { n, l, m } = subject.at("k");
    n.set(1);
    m.set("x", 1);
    const walk = m.entries();
    subject.invocation.end();
    const uses = [
      () => n.get(),
      () => n.set(2),
      () => n.mutate(() => {}),
      () => n.clear(),
      () => l.get(),
      () => l.add(1),
      () => l.set([1]),
      () => l.clear(),
      () => m.get("x"),
      () => m.set("x", 2),
      () => m.has("x"),
      () => m.size,
      () => m.delete("x"),
      () => m.mutate("x", () => {}),
      () => m.clear(),
      () => [...m.keys()],
      () => walk.next(),
    ];
    for (const use of uses) fails("STALE_CONTEXT", /totals/, use);
    assert.is(subject.at("k").n.get(), 1);
    assert.is(subject.at("k").m.get("x"), 1);
    subject.invocation.beginUnkeyed(-1, 0);
    fails("STATE_NO_KEY", /state n of totals/, () => n.get());
  });

  conforms("a snapshot is fixed by the call", () => {
    const descriptors = { n: value(Type.Number(), 0), o: value(type<{ x: number }>(), { x: 0 }), l: list(Type.Number()) };
    const subject = new Subject(make, descriptors);
    const { n, o, l } = subject.at("k");
    n.set(1);
    o.set({ x: 1 });
    l.add(1);
    const part = subject.backend.snapshot({});
    n.set(2);
    o.mutate((it) => it.x = 2);
    l.add(2);
    subject.at("new").n.set(3);
    const restored = new Subject(make, descriptors);
    restored.backend.restore(restorable([part], 0));
    const back = restored.at("k");
    assert.equal([back.n.get(), back.o.get(), back.l.get()], [1, { x: 1 }, [1]]);
    assert.is(restored.at("new").n.get(), 0);
  });

  conforms("values of every make that are changed in place behind the call are in the snapshot as they were", () => {
    const descriptors = { v: value(type<unknown>(), 0) };
    const subject = new Subject(make, descriptors);
    const makes = [
      () => ({ n: 1, s: "a", big: 1n, none: null, missing: undefined, not: NaN }),
      () => ({ n: 1, inner: { deep: [1] } }),
      () => ({}),
      () => [1, 2],
      () => new Date(5),
      () => new Map([["n", 1]]),
    ];
    makes.forEach((make, key) => subject.at(key).v.set(make()));
    const part = subject.backend.snapshot({});
    for (const key of makes.keys()) {
      subject.at(key).v.mutate((it) => {
        if (it instanceof Date) it.setTime(6);
        else if (it instanceof Map) it.set("n", 2);
        else if (Array.isArray(it)) it.push(3);
        else Object.assign((it as { inner?: object }).inner ?? (it as object), { n: 2, deep: [], added: 1 });
      });
    }
    const restored = new Subject(make, descriptors);
    restored.backend.restore(restorable([part], 0));
    makes.forEach((make, key) => assert.equal(restored.at(key).v.get(), make()));
  });

  conforms("what cannot be encoded is refused also when it was changed behind the call", () => {
    for (const field of ["hidden", Symbol("s")]) {
      const subject = new Subject(make, { v: value(type<object>(), {}) });
      subject.at("k").v.set(Object.defineProperty({ n: 1 }, field, { value: 1, enumerable: typeof field === "symbol" }));
      fails("UNENCODABLE_VALUE", /operator totals, key "k", state v/, () => {
        const part = subject.backend.snapshot({});
        subject.at("k").v.mutate((it) => Object.assign(it, { n: 2 }));
        restorable([part], 0);
      });
    }
  });

  conforms("against a model, with restores into 1, 2 and 3 subtasks at any point", () => {
    const descriptors = {
      n: value(type<unknown>(), null),
      o: value(type<{ log: number[] }>(), { log: [] }),
      l: list(type<unknown>()),
      m: map(type<Key>(), type<unknown>()),
    };
    const anyKey = fc.oneof(
      fc.integer({ min: -3, max: 40 }),
      fc.string({ maxLength: 3, unit: "grapheme" }),
      fc.boolean(),
      fc.bigInt({ min: -3n, max: 3n }),
      fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 0, max: 3 })),
    );
    const anyValue = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(-0), fc.array(fc.integer(), { maxLength: 3 }));
    const step = fc.oneof(
      {
        weight: 20,
        arbitrary: fc.record({
          key: anyKey,
          act: fc.constantFrom("set", "clear", "log", "add", "put", "delete"),
          item: anyKey,
          x: anyValue,
        }),
      },
      { weight: 1, arbitrary: fc.record({ restoreInto: fc.constantFrom(1, 2, 3) }) },
    );
    interface Model {
      n: unknown;
      log: number[];
      l: unknown[];
      m: Map<unknown, [Key, unknown]>;
    }
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let subjects = [new Subject(make, descriptors)];
      const model = new Map<unknown, Model>();
      const keys = new Map<unknown, Key>();
      const stateOf = (key: Key) => subjects[ownerOf(keyGroupOf(key, keyGroupCount), subjects.length, keyGroupCount)]!.at(key);
      for (const next of steps) {
        if ("restoreInto" in next) {
          const parts = subjects.flatMap((subject) => subject.snapshot());
          const parallelism = next.restoreInto;
          subjects = Array.from({ length: parallelism }, (_, subtask) => {
            const subject = new Subject(make, descriptors, { subtask, parallelism });
            subject.backend.restore(parts);
            return subject;
          });
          continue;
        }
        const { key, act, item, x } = next;
        const id = keyIdentity(key);
        keys.set(id, key);
        const expected: Model = model.get(id) ?? { n: null, log: [], l: [], m: new Map() };
        model.set(id, expected);
        const { n, o, l, m } = stateOf(key);
        switch (act) {
          case "set":
            n.set(x);
            expected.n = x;
            break;
          case "clear":
            n.clear();
            l.clear();
            expected.n = null;
            expected.l = [];
            break;
          case "log":
            o.mutate(({ log }) => log.push(log.length));
            expected.log.push(expected.log.length);
            break;
          case "add":
            l.add(x);
            expected.l.push(x);
            break;
          case "put":
            m.set(item, x);
            expected.m.set(keyIdentity(item), [expected.m.get(keyIdentity(item))?.[0] ?? item, x]);
            break;
          case "delete":
            assert.is(m.delete(item), expected.m.delete(keyIdentity(item)));
            break;
        }
      }
      for (const [id, expected] of model) {
        const { n, o, l, m } = stateOf(keys.get(id)!);
        if (Array.isArray(expected.n)) assert.equal(n.get(), expected.n);
        else assert.ok(Object.is(n.get(), expected.n), `${n.get()} for ${expected.n}`);
        assert.equal(o.get().log, expected.log);
        assert.equal(l.get(), expected.l);
        assert.equal([...m.entries()], [...expected.m.values()]);
      }
    });
    fc.assert(property, { seed: 7, numRuns: 150 });
  });

  conforms("notes come back beside the state", () => {
    const subject = new Subject(make, { n: value(Type.Number(), 0) });
    const parts = restorable([subject.backend.snapshot({ ended: true })], 0);
    const old = new Subject(make, { n: value(Type.Number(), 0) }).backend.restore(parts);
    assert.equal(old, [{ subtask: 0, range: { first: 0, last: 15 }, notes: { ended: true } }]);
  });

  conforms("what cannot be encoded is refused with operator, key, state and field", () => {
    const subject = new Subject(make, { v: value(type<unknown>(), 0), l: list(type<unknown>()), m: map(type<unknown>()) });
    for (let i = 0; i < 2_000; i++) subject.at(i).v.set({ i });
    subject.at(1234).v.set({ deep: [{ fn: () => 1 }] });
    fails("UNENCODABLE_VALUE", /operator totals, key 1234, state v\.deep\[0\]\.fn/, () => subject.snapshot());
    subject.at(1234).v.clear();
    subject.at("k").l.set([1, Symbol("s")]);
    fails("UNENCODABLE_VALUE", /operator totals, key "k", state l\[1\]/, () => subject.snapshot());
    subject.at("k").l.clear();
    subject.at("k").m.set("x", { at: new (class Point {})() });
    fails("UNENCODABLE_VALUE", /operator totals, key "k", state m.*\.at.*Point/, () => subject.snapshot());
  });

  conforms("state that is no longer declared, or of another kind, is refused by name in every subtask", () => {
    const subject = new Subject(make, { old: value(Type.Number(), 0), unused: list(Type.Number()) });
    subject.at("k").old.set(1);
    const parts = subject.snapshot();
    for (const subtask of [0, 1]) {
      const place = { subtask, parallelism: 2 };
      fails("STATE_UNKNOWN", /state old of operator totals.*declare it again/, () => {
        new Subject(make, {}, place).backend.restore(parts);
      });
      fails("STATE_MISMATCH", /state old of operator totals is a list, but a value/, () => {
        new Subject(make, { old: list(Type.Number()) }, place).backend.restore(parts);
      });
      // A state that is new, and one that held nothing and is gone, are no obstacle.
      new Subject(make, { old: value(Type.Number(), 0), fresh: map(Type.Number()) }, place).backend.restore(parts);
    }
  });

  conforms("parts that are cut short, missing, doubled, or of another number of key groups are refused", () => {
    const descriptors = { n: value(Type.Number(), 0) };
    const halves = [0, 1].map((subtask) => new Subject(make, descriptors, { subtask, parallelism: 2 }));
    const parts = halves.flatMap((half) => half.snapshot());
    const restore = (restored: readonly RestoredPart[], options: Partial<KeyedBackendOptions> = {}) =>
      new Subject(make, descriptors, options).backend.restore(restored);
    restore(parts);
    restore([]);
    fails("STATE_DAMAGED", /key group 8 is missing/, () => restore(parts.slice(0, 1)));
    fails("STATE_DAMAGED", /key group 0 is in those of old subtasks 0,0/, () => restore([...parts, parts[0]!]));
    fails(
      "STATE_MISMATCH",
      /has 32 key groups, but 16/,
      () => restore(parts, { keyGroupCount: 32, range: { first: 0, last: 31 } }),
    );
    const whole = parts[0]!.bytes;
    for (let length = 0; length < whole.length; length++) {
      fails(
        "STATE_DAMAGED",
        /totals, old subtask 0/,
        () => restore([{ ...parts[0]!, bytes: whole.slice(0, length) }, parts[1]!]),
      );
    }
  });

  conforms("development mode finds values that were changed behind the state's back", () => {
    const checked = () =>
      new Subject(make, {
        v: value(type<{ tags: string[] }>(), { tags: [] }),
        l: list(type<{ n: number }>()),
        m: map(type<Map<string, number>>()),
      }, { checkMutations: true });
    type Handles = ReturnType<typeof checked>["state"];
    const turn = (act: (state: Handles) => void) => {
      const subject = checked();
      const state = subject.at("k");
      state.v.set({ tags: ["a"] });
      state.l.set([{ n: 1 }]);
      state.m.set("x", new Map());
      subject.backend.guard?.check();
      act(subject.at("k"));
      subject.backend.guard?.check();
    };
    turn(({ v, l, m }) => {
      v.get();
      v.mutate(({ tags }) => tags.push("b"));
      l.get();
      l.add({ n: 2 });
      m.mutate("x", (it) => it.set("y", 1));
      assert.is(m.get("x")?.size, 1);
    });
    fails("STATE_MUTATED", /totals, key "k", state v .*mutate\(\)/, () => turn(({ v }) => (v.get().tags as string[]).push("b")));
    fails("STATE_MUTATED", /state l/, () => turn(({ l }) => (l.get()[0] as { n: number }).n++));
    fails("STATE_MUTATED", /state m\.get\("x"\)/, () => turn(({ m }) => (m.get("x") as Map<string, number>).set("y", 1)));
    fails("STATE_MUTATED", /state v/, () =>
      turn(({ v }) => {
        const mine = { tags: [] as string[] };
        v.set(mine);
        mine.tags.push("later");
      }));
  });

  conforms("state names that cannot be are refused", () => {
    for (const bad of ["", "~timers", "__proto__"]) {
      fails("STATE_NAME", /totals/, () => new Subject(make, Object.fromEntries([[bad, list(Type.Number())]])));
    }
    fails("STATE_DESCRIPTOR", /state x/, () => new Subject(make, { x: 5 } as unknown as KeyedDescriptors));
  });

  conforms.run();
}
