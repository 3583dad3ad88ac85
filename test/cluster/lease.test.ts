import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newLease, stepLease } from "../../runtime/cluster/lease.ts";

const lease = suite("a lease");
const kinds = (actions: readonly { readonly kind: string }[]) => actions.map(({ kind }) => kind);

lease("one that was given up is taken at once, and the late news of its end ends nothing", () => {
  const state = newLease("b", 1_000, 0);
  stepLease(state, { kind: "seen", lease: { revision: 7, holder: "a", term: 3 } }, 0);
  assert.equal(kinds(stepLease(state, { kind: "seen", lease: undefined, deleted: 8 }, 10)), ["write"]);
  assert.equal(stepLease(state, { kind: "written", revision: 9 }, 20), [{ kind: "took", term: 9 }]);
  assert.equal(stepLease(state, { kind: "seen", lease: undefined, deleted: 8 }, 30), []);
  assert.equal(kinds(stepLease(state, { kind: "seen", lease: undefined, deleted: 10 }, 40)), ["lost", "write"]);
});

lease("one that is not renewed for its time is taken over, counted from when the connection stands", () => {
  const state = newLease("b", 1_000, 0);
  stepLease(state, { kind: "seen", lease: { revision: 7, holder: "a", term: 3 } }, 0);
  assert.equal(kinds(stepLease(state, { kind: "tick", connected: true }, 999)), ["look"]);
  stepLease(state, { kind: "seen", lease: { revision: 7, holder: "a", term: 3 } }, 999);
  stepLease(state, { kind: "tick", connected: false }, 1_500);
  assert.not.ok(kinds(stepLease(state, { kind: "tick", connected: true }, 2_400)).includes("write"));
  stepLease(state, { kind: "unknown" }, 2_400);
  assert.equal(stepLease(state, { kind: "tick", connected: true }, 2_500), [{ kind: "write", expected: 7, term: 0 }]);
  assert.equal(kinds(stepLease(state, { kind: "written", revision: undefined }, 2_510)), ["look"]);
  assert.equal(stepLease(state, { kind: "seen", lease: { revision: 8, holder: "c", term: 0 } }, 2_520), []);
});

lease("a holder that sees another one's lease has lost its own; a write whose outcome was unknown shows when it is seen", () => {
  const state = newLease("a", 1_000, 0);
  assert.equal(kinds(stepLease(state, { kind: "seen", lease: undefined }, 0)), ["write"]);
  stepLease(state, { kind: "unknown" }, 10);
  assert.equal(stepLease(state, { kind: "seen", lease: { revision: 1, holder: "a", term: 0 } }, 20), [{ kind: "took", term: 1 }]);
  assert.equal(kinds(stepLease(state, { kind: "seen", lease: { revision: 2, holder: "b", term: 0 } }, 30)), ["lost"]);
  assert.is(state.term, 0);
});

lease.run();
