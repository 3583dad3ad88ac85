import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import type { LogicalGraph } from "../../runtime/graph/logical.ts";
import { describePlan } from "../../runtime/graph/plan_text.ts";
import { graphHash, plan } from "../../runtime/graph/planner.ts";
import { graphOf } from "./graphs.ts";

const test = suite("loops of a graph");

function refuses(said: RegExp, graph: LogicalGraph): void {
  assert.throws(() => plan(graph, { parallelism: 1 }), (error: unknown) => {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, "BAD_GRAPH");
    assert.match((error as SluiceError).message, said);
    return true;
  });
}

const simple = () =>
  graphOf({ in: {}, head: { head: true }, step: {}, out: {} }, ["in>head", "head>step", "step>head^", "step>out"]);

test("a feedback edge is never fused, and the head of a loop is the head of a task", () => {
  const made = plan(simple(), { parallelism: 2 });
  assert.equal(made.tasks.map(({ operators }) => operators.map(({ id }) => id)), [["in"], ["head", "step", "out"]]);
  assert.equal(made.edges.map(({ id, from, to, feedback }) => [id, from, to, feedback]), [
    ["in->head", 0, 1, false],
    ["step->head", 1, 1, true],
  ]);
  assert.match(describePlan(made), /-> task 1 forward, feedback, from step/);
});

test("a loop is what lies on a way from its head back to it", () => {
  const graph = graphOf(
    { in: {}, other: {}, head: { head: true }, a: {}, b: {}, side: {}, c: {}, out: {} },
    ["in>head", "head#a", "head>side", "a#b", "other*b", "b*head^", "b>c", "c>out", "side>out"],
  );
  const [loop, ...more] = plan(graph, { parallelism: 2 }).loops;
  assert.is(more.length, 0);
  assert.equal(loop, { id: "head", head: 2, operators: ["head", "a", "b"], tasks: [2, 3, 4] });
});

test("one loop may stand behind another", () => {
  const graph = graphOf(
    { in: {}, one: { head: true }, a: {}, two: { head: true }, b: {} },
    ["in>one", "one>a", "a>one^", "a>two", "two>b", "b>two^"],
  );
  assert.equal(plan(graph, { parallelism: 1 }).loops.map(({ operators }) => operators), [["one", "a"], ["two", "b"]]);
});

test("a cycle whose edge is not marked as feedback is refused", () => {
  refuses(/goes back/, graphOf({ in: {}, head: { head: true }, step: {} }, ["in>head", "head>step", "step>head"]));
});

test("feedback that goes forward, comes from outside, or leads to an ordinary operator is refused", () => {
  refuses(/goes forward/, graphOf({ in: {}, a: { head: true }, b: { head: true } }, ["in>a", "in>b", "a>b^"]));
  refuses(
    /lies outside of it/,
    graphOf({ in: {}, head: { head: true }, step: {}, apart: {} }, ["in>head", "head>step", "in>apart", "apart>head^"]),
  );
  refuses(/no head of a loop/, graphOf({ in: {}, head: {}, step: {} }, ["in>head", "head>step", "step>head^"]));
});

test("loops that share an operator are refused", () => {
  const operators = { in: {}, outer: { head: true }, inner: { head: true }, step: {} };
  refuses(/loops cannot be nested/, graphOf(operators, ["in>outer", "outer>inner", "inner>step", "step>inner^", "step>outer^"]));
});

test("a loop that nothing comes into is refused", () => {
  refuses(/head has no input/, graphOf({ head: { head: true, role: "map" }, step: {} }, ["head>step", "step>head^"]));
});

test("a watermark generator in a loop is refused", () => {
  const graph = simple();
  const operators = graph.operators.map((of) => (of.id === "step" ? { ...of, kind: "watermarks" } : of));
  refuses(/lets no watermark through/, { ...graph, operators });
});

test("whether an edge is feedback is part of the graph's hash", () => {
  const graph = simple();
  const edges = graph.edges.map(({ feedback: _, ...edge }) => edge);
  assert.is.not(graphHash({ ...graph, edges }), graphHash(graph));
});

test.run();
