import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Acknowledgement } from "../../runtime/checkpoint/contribution.ts";
import { quietLoops } from "../../runtime/checkpoint/loop_end.ts";
import { plan } from "../../runtime/graph/planner.ts";
import { graphOf } from "../graph/graphs.ts";

const test = suite("the end of loops");

/** in -> head -> step -> back, with `other` flowing into the middle and `out` behind. */
const planned = plan(
  graphOf({ in: {}, other: {}, head: { head: true }, step: {}, out: {} }, [
    "in*head",
    "head*step",
    "other*step",
    "step*head^",
    "step*out",
  ]),
  { parallelism: 1 },
);
const [head, step, out] = [2, 3, 4];

interface Sketch {
  readonly unquiet?: number;
  readonly flushed?: boolean;
  /** Records or watermarks that an edge holds, at its receiver or its sender. */
  readonly holds?: Readonly<Record<string, { readonly records?: number; readonly watermarks?: number; readonly at?: "sender" }>>;
  readonly running?: string;
  readonly recovered?: Readonly<Record<string, number>>;
}

function quiet({ unquiet, flushed = false, holds = {}, running, recovered = {} }: Sketch) {
  const acks = planned.tasks.map(({ index, inputs, outputs }) => ({
    task: index,
    quiet: index !== unquiet,
    flushed: index === head && flushed,
    inputs: inputs.flatMap(({ id }) => {
      const held = holds[id]?.at === undefined ? holds[id] : undefined;
      const regular = {
        edge: id,
        recovered: 0,
        ended: id !== running,
        records: held?.records ?? 0,
        watermarks: held?.watermarks ?? 0,
      };
      const old = recovered[id];
      return old === undefined ? [regular] : [regular, { ...regular, recovered: 1, ended: false, records: old }];
    }),
    outputs: outputs.map(({ id }) => {
      const held = holds[id]?.at === "sender" ? holds[id] : undefined;
      return { edge: id, records: held?.records ?? 0, watermarks: held?.watermarks ?? 0 };
    }),
  }));
  return quietLoops(planned, acks as unknown as Acknowledgement[]);
}

test("a loop in which nothing moves is quiet, flushed when its heads are", () => {
  assert.equal(quiet({}), [{ loop: 0, flushed: false }]);
  assert.equal(quiet({ flushed: true }), [{ loop: 0, flushed: true }]);
});

test("a record or a watermark in any channel inside keeps it from being quiet, at either end of the channel", () => {
  for (const edge of ["head->step", "step->head"]) {
    assert.equal(quiet({ holds: { [edge]: { records: 1 } } }), [], edge);
    assert.equal(quiet({ holds: { [edge]: { watermarks: 1 } } }), [], edge);
    assert.equal(quiet({ holds: { [edge]: { records: 1, at: "sender" } } }), [], edge);
    assert.equal(quiet({ holds: { [edge]: { watermarks: 1, at: "sender" } } }), [], edge);
  }
});

test("what has left it does not count", () => {
  assert.is(quiet({ holds: { "step->out": { records: 5, watermarks: 1 } }, unquiet: out }).length, 1);
});

test("input from outside that has not ended keeps it from being quiet, also where it flows into the middle", () => {
  assert.equal(quiet({ running: "in->head" }), []);
  assert.equal(quiet({ running: "other->step" }), []);
});

test("records of a restored checkpoint that are still to be read keep it from being quiet", () => {
  assert.equal(quiet({ recovered: { "step->head": 2 } }), []);
  assert.equal(quiet({ recovered: { "in->head": 2 } }), []);
  assert.is(quiet({ recovered: { "in->head": 0 } }).length, 1);
});

test("a timer or a request inside keeps it from being quiet", () => {
  assert.equal(quiet({ unquiet: step }), []);
});

test.run();
