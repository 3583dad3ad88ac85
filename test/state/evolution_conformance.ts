import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type KeyedDescriptors, list, map, type, value } from "../../runtime/state/descriptor.ts";
import { migrating } from "../../runtime/state/migration.ts";
import { fails, type Make, Subject } from "./backend_subject.ts";

/** What every keyed state backend must do with state that was written under another schema. */
export function testEvolution(name: string, make: Make): void {
  const conforms = suite(`${name} takes state of other schemas`);

  conforms("a schema that takes all old values passes, defaults are filled in; others are refused with state and field", () => {
    const subject = new Subject(make, {
      v: value(Type.Object({ a: Type.Number() }), { a: 0 }),
      l: list(Type.Object({ a: Type.Number() })),
      m: map(Type.Integer(), Type.Number()),
    });
    const { v, l, m } = subject.at("k");
    v.set({ a: 1 });
    l.set([{ a: 1 }, { a: 2 }]);
    m.set(5, 0.5);
    const parts = subject.snapshot();
    const wider = new Subject(make, {
      v: value(Type.Object({ a: Type.Number(), b: Type.Optional(Type.String()) }), { a: 0 }),
      l: list(Type.Object({ a: Type.Number(), b: Type.String({ default: "none" }) })),
      m: map(Type.Number(), Type.Union([Type.Number(), Type.String()])),
    });
    wider.backend.restore(parts);
    assert.equal(wider.at("k").v.get(), { a: 1 });
    assert.equal([...wider.at("k").l.get()], [{ a: 1, b: "none" }, { a: 2, b: "none" }]);
    assert.equal([...wider.at("k").m.entries()], [[5, 0.5]]);
    const refuses = (pattern: RegExp, descriptors: KeyedDescriptors) =>
      fails("STATE_MISMATCH", pattern, () => new Subject(make, descriptors).backend.restore(parts));
    const rest = { v: value(type<unknown>(), 0), l: list(type<unknown>()), m: map(type<number>(), type<unknown>()) };
    refuses(/state v of operator totals .*field \/b: it is new and required, and has no default/, {
      ...rest,
      v: value(Type.Object({ a: Type.Number(), b: Type.String() }), { a: 0, b: "" }),
    });
    refuses(/state l of operator totals .*field \/a: it had no maximum/, {
      ...rest,
      l: list(Type.Object({ a: Type.Number({ maximum: 1 }) })),
    });
    refuses(/the map keys of state m of operator totals/, { ...rest, m: map(Type.String(), Type.Number()) });
    refuses(/state m of operator totals .*it was number and is integer/, { ...rest, m: map(Type.Integer(), Type.Integer()) });
  });

  conforms("what a migration gives is taken if it matches the schema, else refused with key and item", () => {
    const Old = Type.Object({ euros: Type.Number() });
    const subject = new Subject(make, { v: value(Old, { euros: 0 }), l: list(Old), m: map(Type.Integer(), Old) });
    const { v, l, m } = subject.at("k");
    v.set({ euros: 1.5 });
    l.set([{ euros: 2 }, { euros: 3 }]);
    m.set(5, { euros: 4 });
    const parts = subject.snapshot();
    const Now = migrating(Type.Object({ cents: Type.Integer() }), {
      from: Old,
      migrate: ({ euros }) => ({ cents: euros * 100 }),
    });
    const migrated = new Subject(make, { v: value(Now, { cents: 0 }), l: list(Now), m: map(Type.Integer(), Now) });
    migrated.backend.restore(parts);
    const at = migrated.at("k");
    assert.equal(at.v.get(), { cents: 150 });
    assert.equal([...at.l.get()], [{ cents: 200 }, { cents: 300 }]);
    assert.equal([...at.m.entries()], [[5, { cents: 400 }]]);
    const rest = { v: value(type<unknown>(), 0), l: list(type<unknown>()), m: map(type<number>(), type<unknown>()) };
    const Wrong = migrating(Type.Object({ cents: Type.Integer() }), {
      from: Old,
      migrate: ({ euros }) => ({ cents: euros / 3 }),
    });
    fails("STATE_MISMATCH", /key "k", state l .*item 0, its migration gave what does not match the schema: .*\/cents/, () => {
      new Subject(make, { ...rest, l: list(Wrong) }).backend.restore(parts);
    });
    const Failing = migrating(Type.Object({ cents: Type.Integer() }), {
      from: Old,
      migrate: () => {
        throw new Error("no rate");
      },
    });
    fails("STATE_MISMATCH", /key "k", state m .*map key 5, its migration failed: no rate/, () => {
      new Subject(make, { ...rest, m: map(type<number>(), Failing) }).backend.restore(parts);
    });
  });

  conforms.run();
}
