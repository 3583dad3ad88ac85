import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { type OperatorDescriptors, replicate, split, type, value } from "../../runtime/state/descriptor.ts";
import { Invocation } from "../../runtime/state/invocation.ts";
import { MutationGuard } from "../../runtime/state/mutation_guard.ts";
import { OperatorState } from "../../runtime/state/operator_state.ts";
import { restorable } from "../operators/fake_context.ts";

const operatorState = suite("operator state");

class Subject<D extends OperatorDescriptors> {
  readonly store: OperatorState;
  readonly invocation = new Invocation("model");
  readonly guard = new MutationGuard();
  readonly #subtask: number;
  readonly #bound;

  constructor(descriptors: D, subtask = 0, parallelism = 1, checked = false) {
    const guard = checked ? this.guard : undefined;
    this.#subtask = subtask;
    this.store = new OperatorState({ uid: "model", subtask, parallelism, guard }, descriptors);
    this.#bound = this.store.bind<D>(this.invocation);
    this.invocation.beginUnkeyed(-1, 0);
  }

  get state() {
    return this.#bound;
  }

  snapshot(): RestoredPart[] {
    return restorable(this.store.snapshot(), this.#subtask);
  }
}

const declared = { weights: replicate(Type.Array(Type.Number()), [0, 0]), open: split(type<string>()) };

function subtasks(n: number, parts: readonly RestoredPart[] = []) {
  return Array.from({ length: n }, (_, subtask) => {
    const subject = new Subject(declared, subtask, n);
    subject.store.restore(parts);
    return subject;
  });
}

function fails(code: string, pattern: RegExp, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.is((error as SluiceError).code, code);
    assert.match((error as SluiceError).message, pattern);
    return true;
  });
}

operatorState("parameters come back bit for bit", () => {
  const [before] = subtasks(1);
  const weights = [0.1 + 0.2, -0, 5e-324, NaN, -Infinity, 1 / 3, 2 ** 53 + 2];
  before!.state.weights.set(weights);
  const [after] = subtasks(1, before!.snapshot());
  const back = after!.state.weights.get();
  assert.is(back.length, weights.length);
  weights.forEach((weight, index) => assert.ok(Object.is(back[index], weight)));
});

operatorState("at equal parallelism every subtask gets its own back", () => {
  const old = subtasks(3);
  old.forEach(({ state }, subtask) => {
    state.weights.set([subtask, subtask]);
    for (let i = 0; i <= subtask; i++) state.open.add(`${subtask}/${i}`);
  });
  const back = subtasks(3, old.flatMap((subject) => subject.snapshot()));
  assert.equal(back.map(({ state }) => state.weights.get()), [[0, 0], [1, 1], [2, 2]]);
  assert.equal(back.map(({ state }) => state.open.get()), [["0/0"], ["1/0", "1/1"], ["2/0", "2/1", "2/2"]]);
});

operatorState("after a rescale every item is in one subtask, and all have the replica of the lowest old one", () => {
  for (const [from, to] of [[1, 2], [2, 3], [3, 2], [3, 1], [2, 7]] as const) {
    const old = subtasks(from);
    const items: string[] = [];
    old.forEach(({ state }, subtask) => {
      state.weights.set([subtask, 9]);
      for (let i = 0; i < 5; i++) {
        state.open.add(`${subtask}/${i}`);
        items.push(`${subtask}/${i}`);
      }
    });
    const parts = old.flatMap((subject) => subject.snapshot()).reverse();
    const now = subtasks(to, parts);
    assert.equal(now.flatMap(({ state }) => state.open.get()).sort(), items);
    for (const { state } of now) assert.equal(state.weights.get(), [0, 9]);
  }
});

operatorState("the initial value is each subtask's own, and what was handed out does not change", () => {
  const [a, b] = subtasks(2);
  a!.state.weights.mutate((weights) => weights.push(1));
  assert.equal(b!.state.weights.get(), [0, 0]);
  a!.state.weights.clear();
  assert.equal(a!.state.weights.get(), [0, 0]);
  const before = a!.state.open.get();
  a!.state.open.add("x");
  assert.equal(before, []);
  a!.state.open.set(["y"]);
  a!.state.open.add("z");
  assert.equal(a!.state.open.get(), ["y", "z"]);
  a!.state.open.clear();
  assert.equal(a!.state.open.get(), []);
});

operatorState("a snapshot is fixed by the call", () => {
  const subject = new Subject(declared);
  const parts = subject.store.snapshot();
  subject.state.weights.mutate((weights) => weights.push(1));
  subject.state.open.add("x");
  const [back] = subtasks(1, restorable(parts, 0));
  assert.equal([back!.state.weights.get(), back!.state.open.get()], [[0, 0], []]);
});

operatorState("handles are stale when the run is over", () => {
  const { state, invocation } = new Subject(declared);
  invocation.end();
  const { weights, open } = state;
  const uses = [
    () => weights.get(),
    () => weights.set([]),
    () => weights.mutate(() => {}),
    () => weights.clear(),
    () => open.get(),
    () => open.add(""),
    () => open.set([]),
    () => open.clear(),
  ];
  for (const use of uses) fails("STALE_CONTEXT", /model/, use);
});

operatorState("unknown states, other kinds, other schemas, unreadable parts and wrong declarations are refused by name", () => {
  const subject = new Subject(declared);
  subject.state.open.add("x");
  const parts = subject.snapshot();
  fails("STATE_UNKNOWN", /state open of operator model/, () => new Subject({ weights: declared.weights }).store.restore(parts));
  fails("STATE_MISMATCH", /state open of operator model is declared by replicate/, () => {
    new Subject({ ...declared, open: replicate(type<number>(), 0) }).store.restore(parts);
  });
  fails("STATE_MISMATCH", /state weights .*\/\*: it was number and is string/, () => {
    new Subject({ ...declared, weights: replicate(Type.Array(Type.String()), []) }).store.restore(parts);
  });
  const cut = parts.map((part) => ({ ...part, bytes: part.bytes.slice(0, -1) }));
  fails("STATE_DAMAGED", /state weights of operator model, old subtask 0/, () => new Subject(declared).store.restore(cut));
  fails("STATE_DESCRIPTOR", /state n of operator model.*keyBy/, () => {
    new Subject({ n: value(Type.Number(), 0) } as unknown as OperatorDescriptors);
  });
  fails("STATE_NOT_MUTABLE", /model/, () => new Subject({ n: replicate(Type.Number(), 0) }).state.n.mutate(() => {}));
});

operatorState("what cannot be encoded is refused with operator, state and field", () => {
  const subject = new Subject({ open: split(type<unknown>()) });
  subject.state.open.add({ fn: () => 1 });
  fails("UNENCODABLE_VALUE", /operator model, state open\[0\]\.fn/, () => subject.snapshot());
});

operatorState("development mode finds changes behind its back", () => {
  const subject = new Subject({ ...declared, boxes: split(type<{ n: number }>()) }, 0, 1, true);
  subject.state.weights.get();
  subject.state.weights.mutate((weights) => weights.push(1));
  subject.state.boxes.add({ n: 1 });
  subject.guard.check();
  (subject.state.boxes.get()[0] as { n: number }).n = 2;
  fails("STATE_MUTATED", /state boxes/, () => subject.guard.check());
});

operatorState.run();
