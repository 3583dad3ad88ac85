import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Key, keyGroupOf, keyIdentity, rangeOf } from "../../runtime/graph/key.ts";
import type { RestoredPart, SnapshotPart } from "../../runtime/graph/operator.ts";
import { list, map, type, value } from "../../runtime/state/descriptor.ts";
import { Invocation } from "../../runtime/state/invocation.ts";
import type { KeyedStateBackend } from "../../runtime/state/keyed_backend.ts";
import type { PartNotes } from "../../runtime/state/keyed_part.ts";
import type { KeyedTimers } from "../../runtime/state/timers.ts";
import type { WindowTable } from "../../runtime/state/window_table.ts";
import { fails, type Make } from "./backend_subject.ts";
import { type Expected, keyGroupCount, Model, type Totals } from "./incremental_model.ts";

const baseEvery = 4;

const descriptors = {
  n: value(type<number>(), 0),
  o: value(type<{ log: number[] }>(), { log: [] }),
  l: list(type<number>()),
  m: map(type<{ x: number }>()),
  r: value(type<Totals>(), { count: 0, half: 0 }),
};

/** One subtask's keyed state of every kind. */
class Subtask {
  readonly backend: KeyedStateBackend;
  readonly timers: KeyedTimers;
  readonly windows: WindowTable;
  readonly #invocation = new Invocation("op");
  readonly #state;

  constructor(make: Make, subtask: number, parallelism: number) {
    const range = rangeOf(subtask, parallelism, keyGroupCount);
    this.backend = make({ uid: "op", range, keyGroupCount, baseEvery });
    this.backend.declare(descriptors);
    this.timers = this.backend.timers("timers");
    this.windows = this.backend.windows("windows", "of a test");
    this.#state = this.backend.bind<typeof descriptors>(this.#invocation);
  }

  at(key: Key) {
    this.#invocation.about(key, keyIdentity(key)).begin(keyGroupOf(key, keyGroupCount), 0);
    return this.#state;
  }

  /** Everything in it, in an order that a restore must keep. */
  content(keys: readonly Key[]) {
    const states = keys.map((key) => {
      const { n, o, l, m, r } = this.at(key);
      return structuredClone([key, n.get(), o.get(), l.get(), [...m.entries()], r.get()]);
    });
    return states.filter(([, n, o, l, m, r]) => {
      return n !== 0 || (r as Totals).count !== 0 || (o as { log: number[] }).log.length > 0 || (l as []).length > 0 ||
        (m as []).length > 0;
    });
  }

  /** Takes all timers and windows out: the order is part of what is kept. */
  drain() {
    const timers = Array.from({ length: this.timers.size }, () => {
      const { at, name, key } = this.timers.take();
      return [at, name, key] as const;
    });
    const windows = Array.from({ length: this.windows.size }, () => {
      const { end, entry } = this.windows.take();
      return [end, entry.key, structuredClone(entry.value)] as const;
    });
    return { timers, windows };
  }
}

interface OpenSnapshot {
  readonly id: number;
  readonly part: SnapshotPart;
  readonly steps: Iterator<Uint8Array>;
  readonly slices: Uint8Array[];
  readonly expected: Expected;
  done: boolean;
}

function joined(slices: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(slices.flatMap((slice) => [...slice]));
}

const keys: readonly Key[] = [...Array(12).keys()].flatMap((n): Key[] => [n, `k${n}`]);

const step = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      act: fc.constantFrom(
        ...[
          "sum",
          "sum",
          "note",
          "unset",
          "set",
          "clear",
          "log",
          "peek",
          "add",
          "relist",
          "put",
          "mutate",
          "delete",
          "empty",
        ] as const,
        ...["time", "cancel", "fire", "window", "close"] as const,
      ),
      key: fc.constantFrom(...keys),
      item: fc.constantFrom("a", "b", "c"),
      x: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant("cut" as const) },
  { weight: 12, arbitrary: fc.record({ write: fc.nat(3), slices: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ abort: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ complete: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ restore: fc.integer({ min: 1, max: 3 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Run {
  readonly model = new Model();
  readonly subtask: Subtask;
  open: OpenSnapshot[] = [];
  readonly completed: { id: number; layers: Uint8Array[]; expected: Expected }[] = [];
  deltas = 0;
  readonly #make: Make;
  #id = 0;

  constructor(make: Make) {
    this.#make = make;
    this.subtask = new Subtask(make, 0, 1);
  }

  take(step: Step): void {
    if (step === "cut") {
      const id = ++this.#id;
      const part = this.subtask.backend.snapshot({}, id);
      const steps = part.slices()[Symbol.iterator]();
      this.open.push({ id, part, steps, slices: [], expected: this.model.copy(keys), done: false });
    } else if ("write" in step) {
      const snapshot = this.open[step.write % Math.max(1, this.open.length)];
      if (snapshot !== undefined) this.#write(snapshot, step.slices);
    } else if ("abort" in step) {
      const at = step.abort % Math.max(1, this.open.length);
      for (const { part } of this.open.splice(at, 1)) part.release?.();
    } else if ("complete" in step) {
      const snapshot = this.open[step.complete % Math.max(1, this.open.length)];
      if (snapshot !== undefined) this.complete(snapshot);
    } else if ("restore" in step) {
      for (const { layers, expected } of this.completed) check(this.#make, layers, expected, step.restore);
    } else {
      this.#act(step);
    }
  }

  complete(snapshot: OpenSnapshot): void {
    this.#write(snapshot, Infinity);
    const { id, part, slices, expected } = snapshot;
    const base = this.completed.find((old) => old.id === part.base);
    assert.is(part.base === undefined, base === undefined, "a base is a completed checkpoint");
    if (base !== undefined) this.deltas++;
    // One without bytes says that nothing has changed since its base.
    const own = joined(slices);
    this.completed.push({ id, layers: [...base?.layers ?? [], ...(own.length === 0 ? [] : [own])], expected });
    this.subtask.backend.completed(id);
    this.open = this.open.filter((other) => other.id > id);
  }

  #write(snapshot: OpenSnapshot, slices: number): void {
    for (let n = 0; n < slices && !snapshot.done; n++) {
      const next = snapshot.steps.next();
      if (next.done !== true) snapshot.slices.push(next.value);
      else {
        snapshot.done = true;
        snapshot.part.release?.();
      }
    }
  }

  #act({ act, key, item, x }: { act: string; key: Key; item: string; x: number }): void {
    const { model, subtask } = this;
    const expected = model.of(key);
    const { n, o, l, m, r } = subtask.at(key);
    const group = keyGroupOf(key, keyGroupCount);
    const name = item === "a" ? undefined : item;
    switch (act) {
      case "sum":
        assert.is(
          r.mutate((it) => {
            it.half += x / 2;
            return ++it.count;
          }),
          ++expected.r.count,
        );
        expected.r.half += x / 2;
        break;
      case "note":
        r.mutate((it) => {
          it.count++;
          it.note = item;
        });
        expected.r = { ...expected.r, count: expected.r.count + 1, note: item };
        break;
      case "unset":
        r.clear();
        expected.r = { count: 0, half: 0 };
        break;
      case "set":
        n.set(x);
        expected.n = x;
        break;
      case "clear":
        n.clear();
        o.clear();
        Object.assign(expected, { n: 0, log: [] });
        break;
      case "log":
        o.mutate(({ log }) => log.push(x));
        expected.log.push(x);
        break;
      case "peek":
        assert.equal(o.get().log, expected.log);
        assert.equal(m.get(item), expected.m.get(item));
        break;
      case "add":
        l.add(x);
        expected.l.push(x);
        break;
      case "relist":
        l.set(l.get().filter((it) => it !== x));
        expected.l = expected.l.filter((it) => it !== x);
        break;
      case "put":
        m.set(item, { x });
        expected.m.set(item, { x });
        break;
      case "mutate":
        m.mutate(item, (it) => it.x += x);
        if (expected.m.has(item)) expected.m.get(item)!.x += x;
        break;
      case "delete":
        assert.is(m.delete(item), expected.m.delete(item));
        break;
      case "empty":
        m.clear();
        l.clear();
        expected.m.clear();
        expected.l = [];
        break;
      case "time":
        if (subtask.timers.add(x, name, key, keyIdentity(key), group)) model.timers.push({ at: x, name, key });
        break;
      case "cancel":
        subtask.timers.cancel(x, name, keyIdentity(key), group);
        model.timers = model.timers.filter((timer) => timer.at !== x || timer.name !== name || timer.key !== key);
        break;
      case "fire": {
        if (subtask.timers.size === 0) break;
        const fired = subtask.timers.take();
        const first = [...model.timers].sort((a, b) => a.at - b.at)[0];
        assert.equal([fired.at, fired.name, fired.key], [first?.at, first?.name, first?.key]);
        model.timers = model.timers.filter((timer) => timer !== first);
        break;
      }
      case "window": {
        const entry = subtask.windows.find(x, group, keyIdentity(key));
        const found = model.windows.find((window) => window.end === x && window.key === key);
        assert.equal(entry?.value, found?.value);
        if (entry === undefined) subtask.windows.insert(x, group, keyIdentity(key), key, { sum: x });
        else (entry.value as { sum: number }).sum += x;
        if (found === undefined) model.windows.push({ end: x, key, value: { sum: x } });
        else found.value.sum += x;
        break;
      }
      case "close": {
        if (subtask.windows.size === 0) break;
        const { end, entry } = subtask.windows.take();
        model.windows = model.windows.filter((window) => window.end !== end || window.key !== entry.key);
        break;
      }
    }
  }
}

/** Restores layers at another parallelism: all subtasks together must hold what was there at the cut. */
function check(make: Make, layers: readonly Uint8Array[], expected: Expected, parallelism: number): void {
  const part: RestoredPart = {
    scope: "keyed",
    name: "keyed",
    subtask: 0,
    bytes: layers.at(-1)!,
    below: layers.slice(0, -1),
  };
  const subtasks = Array.from({ length: parallelism }, (_, index) => {
    const subtask = new Subtask(make, index, parallelism);
    subtask.backend.restore([part]);
    return { subtask, own: (key: Key) => keyGroupOf(key, keyGroupCount) };
  });
  const drained: { timers: (readonly unknown[])[]; windows: (readonly unknown[])[] }[] = [];
  for (const [index, { subtask, own }] of subtasks.entries()) {
    const range = rangeOf(index, parallelism, keyGroupCount);
    const mine = (key: unknown) => own(key as Key) >= range.first && own(key as Key) <= range.last;
    const ownKeys = keys.filter(mine);
    assert.equal(subtask.content(ownKeys), expected.states.filter((state) => mine((state as unknown[])[0])));
    drained.push(subtask.drain());
    subtask.backend.close();
    assert.equal(drained[index]!.timers, expected.timers.filter(([, , key]) => mine(key)));
    assert.equal(drained[index]!.windows, expected.windows.filter(([, key]) => mine(key)));
  }
}

/** What every keyed state backend must do when snapshots are written while the state goes on changing. */
export function testIncremental(name: string, make: Make, runs: number): void {
  const incremental = suite(`${name} writes snapshots beside changes`);

  incremental("restored from a base and deltas at any parallelism, it is what the model was at the cut", () => {
    let deltas = 0;
    const property = fc.property(fc.array(step, { minLength: 40, maxLength: 250 }), (steps) => {
      const run = new Run(make);
      for (const next of steps) run.take(next);
      for (const snapshot of [...run.open]) if (run.open.includes(snapshot)) run.complete(snapshot);
      for (const parallelism of [1, 3]) {
        for (const { layers, expected } of run.completed) check(make, layers, expected, parallelism);
      }
      run.subtask.backend.close();
      deltas += run.deltas;
    });
    fc.assert(property, { seed: 11, numRuns: runs });
    assert.ok(deltas > runs, `${deltas} deltas were tried in ${runs} runs`);
  });

  const act = (kind: "set" | "clear" | "sum" | "unset", key: Key, x = 1): Step => ({ act: kind, key, item: "a", x });
  /** Takes the steps, completes what is open, and restores everything that is complete. */
  const play = (...steps: readonly Step[]) => {
    const run = new Run(make);
    for (const next of steps) run.take(next);
    for (const snapshot of [...run.open]) if (run.open.includes(snapshot)) run.complete(snapshot);
    assert.ok(run.deltas > 0);
    for (const { layers, expected } of run.completed) check(make, layers, expected, 2);
    run.subtask.backend.close();
  };
  const everyKey = (x: number) => keys.map((key) => act("set", key, x));

  incremental("what was gone at a cut is gone in it, though it came back before it was written", () => {
    play(...everyKey(1), "cut", { complete: 0 }, ...keys.map((key) => act("clear", key)), "cut", ...everyKey(2));
  });

  incremental("what a cut holds is in it, though it went or was changed twice before it was written", () => {
    play(...everyKey(1), "cut", { complete: 0 }, ...everyKey(2), "cut", ...keys.map((key) => act("clear", key)), ...everyKey(3));
  });

  incremental("what came after a cut is not in it, though it is where something stood that has gone since", () => {
    const [early, late] = [keys.slice(0, 12), keys.slice(12)];
    const sums = (of: readonly Key[]) => of.map((key) => act("sum", key, 3));
    const gone = early.map((key) => act("unset", key));
    play(...sums(early), "cut", { complete: 0 }, ...sums(early), "cut", ...gone, ...sums(late), { complete: 0 }, "cut");
  });

  incremental("a cut keeps the notes that it needs, though a younger base is complete and more is written", () => {
    const others = everyKey(4).filter((step) => (step as { key: Key }).key !== 1);
    const begun: Step[] = [...everyKey(1), "cut", { complete: 0 }, act("set", 1, 2), "cut", act("set", 2, 3), "cut"];
    play(...begun, { complete: 0 }, ...others, ...others, ...others);
  });

  incremental("where thousands have changed, a delta has them all and what is gone, and is smaller than the whole", () => {
    const count = 12_000;
    const subtask = new Subtask(make, 0, 1);
    const group = (key: Key) => keyGroupOf(key, keyGroupCount);
    const set = (key: number, x: number) => subtask.at(key).n.set(x);
    const add = (at: number, key: number) => subtask.timers.add(at, undefined, key, keyIdentity(key), group(key));
    for (let key = 0; key < count; key++) {
      set(key, 1);
      add(key, key);
      subtask.windows.insert(1, group(key), keyIdentity(key), key, { sum: key });
    }
    const whole = joined([...subtask.backend.snapshot({}, 1).slices()]);
    subtask.backend.completed(1);
    for (let key = 0; key < 5_000; key++) {
      set(2 * key, 2);
      add(count + key, key);
      (subtask.windows.find(1, group(key), keyIdentity(key))?.value as { sum: number }).sum = -key;
    }
    for (let key = 1; key < 200; key += 2) {
      subtask.at(key).n.clear();
      subtask.timers.cancel(key, undefined, keyIdentity(key), group(key));
    }
    const timers = count + 5_000 - 100;
    const part = subtask.backend.snapshot({}, 2);
    assert.is(part.base, 1);
    const slices: Uint8Array[] = [];
    for (const slice of part.slices()) {
      slices.push(slice);
      for (let key = slices.length; key < count; key += 100) set(key, 3);
    }
    const delta = joined(slices);
    assert.ok(delta.length < 0.6 * whole.length, `${delta.length} bytes over ${whole.length}`);
    const restored = new Subtask(make, 0, 1);
    restored.backend.restore([{ scope: "keyed", name: "keyed", subtask: 0, bytes: delta, below: [whole] }]);
    for (let key = 0; key < count; key++) {
      assert.is(restored.at(key).n.get(), key < 10_000 && key % 2 === 0 ? 2 : key < 200 ? 0 : 1);
    }
    assert.is(restored.timers.size, timers);
    const { windows } = restored.drain();
    assert.equal(windows.map(([, key, value]) => [key, value]).sort(([a], [b]) => (a as number) - (b as number)), [
      ...Array.from({ length: count }, (_, key) => [key, { sum: key < 5_000 ? 0 - key : key }]),
    ]);
    for (const { backend } of [subtask, restored]) backend.close();
  });

  incremental("where nothing has changed since its base a snapshot has no bytes, until one is whole again", () => {
    const subtask = new Subtask(make, 0, 1);
    for (const key of keys.slice(0, 8)) subtask.at(key).n.set(1); // as many as the very first chunk holds
    const bytes: number[] = [];
    for (let id = 1; id <= 2 * baseEvery + 1; id++) {
      const part = subtask.backend.snapshot({ of: 1 }, id);
      bytes.push(joined([...part.slices()]).length);
      assert.is(part.base, bytes.at(-1) === bytes[0] ? undefined : id - 1);
      part.release?.();
      subtask.backend.completed(id);
    }
    assert.equal(bytes.map((count) => count > 0), bytes.map((_, at) => at % baseEvery === 0));
    const silent = (notes: PartNotes) => joined([...subtask.backend.snapshot(notes, 100).slices()]).length === 0;
    assert.is(silent({ of: 1 }), true);
    assert.is(silent({ of: 2 }), false, "other notes are something to say");
    subtask.at(keys[0]!).n.set(2);
    assert.is(silent({ of: 1 }), false);
    subtask.backend.close();
  });

  incremental("what cannot be encoded is refused also where the value was written before it was hidden in it", () => {
    for (const field of ["hidden", Symbol("s")]) {
      const subtask = new Subtask(make, 0, 1);
      for (const key of ["j", "k"]) subtask.at(key).o.set({ log: [1] });
      for (const id of [1, 2]) {
        joined([...subtask.backend.snapshot({}, id).slices()]);
        subtask.backend.completed(id);
      }
      subtask.at("k").o.mutate((it) => Object.defineProperty(it, field, { value: 1 }));
      fails("UNENCODABLE_VALUE", /operator op, key "k", state o/, () => [...subtask.backend.snapshot({}).slices()]);
      subtask.backend.close();
    }
  });

  incremental.run();
}
