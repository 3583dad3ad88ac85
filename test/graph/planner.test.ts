import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { channelName, channelsOf } from "../../runtime/graph/channel.ts";
import type { LogicalGraph } from "../../runtime/graph/logical.ts";
import type { Plan } from "../../runtime/graph/plan.ts";
import { describePlan } from "../../runtime/graph/plan_text.ts";
import { graphHash, plan } from "../../runtime/graph/planner.ts";
import { graphOf, type OperatorSketch } from "./graphs.ts";

const planner = suite("planner");

/** The tasks of a plan: the ids of their operators. */
function tasks(of: Plan): string[] {
  return of.tasks.map(({ operators }) => operators.map(({ id }) => id).join(" "));
}

/** The edges of a plan. */
function edges(of: Plan): string[] {
  return of.edges.map(({ id, partitioner, from, to }) => `${id} ${partitioner.kind} ${from}>${to}`);
}

function refuses(code: string, said: RegExp, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, code);
    assert.match((error as SluiceError).message, said);
    return true;
  });
}

planner("a chain of forward edges is one task", () => {
  const made = plan(graphOf({ a: {}, b: {}, c: { role: "sink" } }, ["a>b", "b>c"]), { parallelism: 3 });
  assert.equal(tasks(made), ["a b c"]);
  assert.equal(edges(made), []);
  assert.equal(made.tasks[0]!.links, [{ from: "a", to: "b" }, { from: "b", to: "c" }]);
  assert.is(made.tasks[0]!.parallelism, 3);
});

planner("a stream that several operators read stays one task, as a tree", () => {
  const made = plan(graphOf({ a: {}, b: {}, c: {}, d: {} }, ["a>b", "a>c", "b>d"]), { parallelism: 1 });
  assert.equal(tasks(made), ["a b c d"]);
  assert.equal(made.tasks[0]!.links.map(({ from, to }) => from + to), ["ab", "ac", "bd"]);
});

planner("keyBy and rebalance start a task", () => {
  const made = plan(graphOf({ a: {}, b: {}, c: {}, d: {} }, ["a#b", "b>c", "c*d"]), { parallelism: 2 });
  assert.equal(tasks(made), ["a", "b c", "d"]);
  assert.equal(edges(made), ["a->b keyBy 0>1", "c->d rebalance 1>2"]);
  assert.is(made.edges[1]!.fromOperator, "c");
  assert.is(made.edges[1]!.toOperator, "d");
});

planner("an operator that must be a head starts a task, on a forward edge", () => {
  const made = plan(graphOf({ a: {}, b: { head: true }, c: {} }, ["a>b", "b>c"]), { parallelism: 2 });
  assert.equal(tasks(made), ["a", "b c"]);
  assert.equal(edges(made), ["a->b forward 0>1"]);
  assert.equal(channelsOf(made).map(({ sender, receiver }) => [sender, receiver]), [[0, 0], [1, 1]]);
});

planner("a union starts a task, as does a second edge between the same two", () => {
  const union = plan(graphOf({ a: {}, b: {}, c: {} }, ["a>c", "b>c"]), { parallelism: 2 });
  assert.equal(tasks(union), ["a", "b", "c"]);
  const twice = plan(graphOf({ a: {}, b: {}, c: {} }, ["a>b", "a>b", "b>c"]), { parallelism: 2 });
  assert.equal(tasks(twice), ["a", "b c"]);
  assert.equal(edges(twice), ["a->b forward 0>1", "a->b#2 forward 0>1"]);
  const names = channelsOf(twice).map(({ edge, sender, receiver }) => channelName(edge.id, sender, receiver));
  assert.equal(names, ["a->b:0>0", "a->b:1>1", "a->b#2:0>0", "a->b#2:1>1"]);
});

planner("a forward edge between unequal parallelisms becomes a rebalance", () => {
  const made = plan(graphOf({ a: { parallelism: 1 }, b: {}, c: { parallelism: 3 } }, ["a>b", "b>c"]), { parallelism: 3 });
  assert.equal(tasks(made), ["a", "b c"]);
  assert.equal(edges(made), ["a->b rebalance 0>1"]);
  assert.is(channelsOf(made).length, 3);
});

planner("edges that hold records under way are kept, the others are fused as always", () => {
  const graph = graphOf({ a: {}, b: {}, c: {} }, ["a>b", "b>c"]);
  const made = plan(graph, { parallelism: 2, keepEdges: new Set(["b->c", "gone->away"]) });
  assert.equal(tasks(made), ["a b", "c"]);
  assert.equal(edges(made), ["b->c forward 0>1"]);
  assert.is(made.hash, plan(graph, { parallelism: 2 }).hash);
});

planner("channels are numbered by edge, sender, receiver, and named by them", () => {
  const made = plan(graphOf({ a: { parallelism: 2 }, b: { parallelism: 3 } }, ["a#b"]), { parallelism: 1 });
  const names = channelsOf(made).map(({ number, edge, sender, receiver }) =>
    `${number} ${channelName(edge.id, sender, receiver)}`
  );
  assert.equal(names, ["0 a->b:0>0", "1 a->b:0>1", "2 a->b:0>2", "3 a->b:1>0", "4 a->b:1>1", "5 a->b:1>2"]);
});

planner("a parallelism that cannot be is refused, naming operator and range", () => {
  for (const wrong of [0, -1, 1.5, NaN, Infinity, 32_769]) {
    refuses("BAD_PARALLELISM", /operator a .* 1 to 32768/, () => plan(graphOf({ a: {} }, []), { parallelism: wrong }));
  }
  const keyed = graphOf({ a: {}, b: { parallelism: 5 } }, ["a#b"], 4);
  refuses("BAD_PARALLELISM", /operator b .* 1 to 4.*key groups/, () => plan(keyed, { parallelism: 1 }));
  assert.is(plan(graphOf({ a: { parallelism: 5 }, b: { parallelism: 4 } }, ["a#b"], 4), { parallelism: 1 }).tasks.length, 2);
});

planner("a graph that makes no sense is refused", () => {
  refuses("BAD_GRAPH", /a->c joins operators that are not there/, () => plan(graphOf({ a: {} }, ["a>c"]), { parallelism: 1 }));
  refuses("BAD_GRAPH", /goes back/, () => plan(graphOf({ b: {}, a: {} }, ["a>b"]), { parallelism: 1 }));
  refuses("BAD_GRAPH", /b has no input/, () => plan(graphOf({ a: {}, b: { role: "sink" } }, []), { parallelism: 1 }));
  refuses(
    "BAD_GRAPH",
    /source b has an input/,
    () => plan(graphOf({ a: {}, b: { role: "source" } }, ["a>b"]), { parallelism: 1 }),
  );
  const twice = graphOf({ a: {} }, []);
  refuses(
    "BAD_GRAPH",
    /same id/,
    () => plan({ ...twice, operators: [...twice.operators, ...twice.operators] }, { parallelism: 1 }),
  );
});

planner("the hash tells graphs apart, whatever their parallelism and order of declaration", () => {
  const base = graphOf({ a: {}, b: {}, c: { role: "sink" } }, ["a#b", "b>c"]);
  assert.is(graphHash(base), "0acb7d36187fe397"); // the same on every machine
  const same = [
    graphOf({ a: { parallelism: 7 }, b: {}, c: { role: "sink", parallelism: 2 } }, ["a#b", "b>c"]),
    { ...base, operators: base.operators.toReversed(), edges: base.edges.toReversed() },
    { ...base, edges: base.edges.map((edge) => ({ ...edge, mode: "aligned" as const })) },
  ];
  for (const graph of same) assert.is(graphHash(graph), graphHash(base));
  const others = [
    graphOf({ a: {}, b: {}, d: { role: "sink" } }, ["a#b", "b>d"]),
    graphOf({ a: {}, b: {}, c: {} }, ["a#b", "b>c"]),
    graphOf({ a: {}, b: {}, c: { role: "sink" } }, ["a*b", "b>c"]),
    graphOf({ a: {}, b: {}, c: { role: "sink" } }, ["a#b", "b*c"]),
    graphOf({ a: {}, b: {}, c: { role: "sink" } }, ["a#b", "a>c"]),
    graphOf({ a: {}, b: {}, c: { role: "sink" } }, ["a#b", "b>c", "b>c"]),
    { ...base, edges: base.edges.map((edge) => ({ ...edge, timed: true })) },
  ];
  assert.is(new Set([base, ...others].map(graphHash)).size, others.length + 1);
});

planner("a plan reads as a page of text", () => {
  const graph = graphOf({ a: { parallelism: 1 }, b: {}, c: {}, d: {}, e: { role: "sink" } }, ["a#b", "b>c", "b>d", "c>e", "d*e"]);
  const made = plan(graph, { parallelism: 2 });
  assert.is(
    describePlan(made),
    `job sketch: 3 tasks, 128 key groups, graph ${made.hash}
task 0 "a" x1
  a (source test)
  -> task 1 by key "k"
task 1 "b" x2
  b (map)
    c (map)
    d (map)
  -> task 2 forward, from c
  -> task 2 rebalance, from d
task 2 "e" x2
  e (sink test)`,
  );
});

/** A random graph: each operator reads from one or two earlier ones, in any way. */
const anyGraph: fc.Arbitrary<LogicalGraph> = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.tuple(
    fc.array(
      fc.record({
        head: fc.boolean(),
        parallelism: fc.constantFrom(undefined, 1, 2, 3),
        source: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
        reads: fc.array(fc.tuple(fc.nat(), fc.constantFrom(">", ">", ">", "*", "#")), { minLength: 1, maxLength: 2 }),
      }),
      { minLength: count, maxLength: count },
    ),
  ).map(([drawn]) => {
    const operators: Record<string, OperatorSketch> = {};
    const sketches: string[] = [];
    drawn.forEach(({ head, parallelism, source, reads }, index) => {
      const own = parallelism === undefined ? {} : { parallelism };
      if (index === 0 || source) {
        operators[`o${index}`] = { role: "source", ...own };
        return;
      }
      operators[`o${index}`] = { role: "map", head, ...own };
      for (const [from, how] of reads) sketches.push(`o${from % index}${how}o${index}`);
    });
    return graphOf(operators, sketches);
  })
);

planner("every edge of a graph is either fused or planned, and never both", () => {
  fc.assert(
    fc.property(anyGraph, fc.integer({ min: 1, max: 4 }), (graph, parallelism) => {
      const made = plan(graph, { parallelism });
      const planned = made.edges.map(({ fromOperator, toOperator }) => `${fromOperator}>${toOperator}`);
      const linked = made.tasks.flatMap(({ links }) => links.map(({ from, to }) => `${from}>${to}`));
      assert.equal([...planned, ...linked].sort(), graph.edges.map(({ from, to }) => `${from}>${to}`).sort());
      assert.is(new Set(made.edges.map(({ id }) => id)).size, made.edges.length);
      made.edges.forEach((edge, index) => {
        assert.is(edge.index, index);
        assert.ok(made.tasks[edge.from]!.outputs.includes(edge) && made.tasks[edge.to]!.inputs.includes(edge));
      });
    }),
    { seed: 11, numRuns: 500 },
  );
});

planner("every operator is in one task, and a task is a connected tree below its head", () => {
  fc.assert(
    fc.property(anyGraph, fc.integer({ min: 1, max: 4 }), (graph, parallelism) => {
      const made = plan(graph, { parallelism });
      assert.equal(
        made.tasks.flatMap(({ operators }) => operators.map(({ id }) => id)).sort(),
        graph.operators.map(({ id }) => id).sort(),
      );
      for (const task of made.tasks) {
        const ids = task.operators.map(({ id }) => id);
        assert.is(task.id, ids[0]);
        assert.is(task.links.length, ids.length - 1);
        const reached = new Set([task.id]);
        for (const id of ids.slice(1)) {
          const above = task.links.filter(({ to }) => to === id);
          assert.is(above.length, 1);
          assert.ok(reached.has(above[0]!.from), "a fused edge goes from an earlier operator to a later one");
          reached.add(id);
        }
        for (const { parallelism: own, role } of task.operators) {
          assert.is(own ?? parallelism, task.parallelism);
          if (role.kind === "transform" && role.head) assert.is(task.operators[0]!.role, role);
        }
        for (const edge of task.inputs) assert.is(edge.toOperator, task.id);
      }
    }),
    { seed: 12, numRuns: 500 },
  );
});

planner("tasks stand in an order in which every edge goes forward, and forward edges join equals", () => {
  fc.assert(
    fc.property(anyGraph, fc.integer({ min: 1, max: 4 }), (graph, parallelism) => {
      const made = plan(graph, { parallelism });
      made.tasks.forEach((task, index) => assert.is(task.index, index));
      for (const edge of made.edges) {
        assert.ok(edge.from < edge.to);
        if (edge.partitioner.kind !== "forward") continue;
        assert.is(made.tasks[edge.from]!.parallelism, made.tasks[edge.to]!.parallelism);
      }
    }),
    { seed: 13, numRuns: 500 },
  );
});

planner("what could be fused is fused: each task's head has a reason to be one", () => {
  fc.assert(
    fc.property(anyGraph, fc.integer({ min: 1, max: 4 }), (graph, parallelism) => {
      for (const { inputs, operators } of plan(graph, { parallelism }).tasks) {
        const { role } = operators[0]!;
        const reason = role.kind === "source" || (role.kind === "transform" && role.head) || inputs.length > 1 ||
          inputs[0]?.partitioner.kind !== "forward";
        assert.ok(reason);
      }
    }),
    { seed: 14, numRuns: 500 },
  );
});

planner.run();
