import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Flow, job, type LoopEnds, memorySink, memorySource, SluiceError, start, stdout, type Stream } from "../../mod.ts";

const test = suite("iterate");

function refuses(code: string, said: RegExp, define: (flow: Flow) => void): void {
  assert.throws(() => job("refused", define), (error: unknown) => {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, code);
    assert.match((error as SluiceError).message, said);
    return true;
  });
}

const numbers = (flow: Flow) => flow.from("numbers", memorySource([1, 2, 3]));
const same = <T, Timed extends boolean>(loop: Stream<T, Timed>): LoopEnds<T, Timed, Stream<T, Timed>> => {
  const step = loop.map((value) => value);
  return { feedback: step.filter(() => false), output: step };
};

test("the edge that goes back is marked, and the head is named after the loop", () => {
  const { graph } = job("halve", (flow) => numbers(flow).iterate("halve", same).to("out", stdout()));
  assert.equal(graph.edges.filter((edge) => edge.feedback).map(({ to }) => to), ["halve"]);
  assert.is(graph.operators.find(({ id }) => id === "halve")?.kind, "iterate");
});

test("what comes out of a loop may be several streams, or nothing", async () => {
  const odd = memorySink<number>();
  const even = memorySink<number>();
  const split = job("collatz", (flow) => {
    const outs = numbers(flow).iterate("step", (loop) => {
      const next = loop.map((n) => (n % 2 === 0 ? n / 2 : 3 * n + 1));
      return {
        feedback: next.filter((n) => n !== 1),
        output: { odd: next.filter((n) => n % 2 === 1), even: next.filter((n) => n % 2 === 0) },
      };
    });
    outs.odd.to("odd", odd);
    outs.even.to("even", even);
  });
  await using run = await start(split);
  await run.finished;
  // 1: 4 2 1; 2: 1; 3: 10 5 16 8 4 2 1.
  assert.equal(odd.values.toSorted((a, b) => a - b), [1, 1, 1, 5]);
  assert.equal(even.values.toSorted((a, b) => a - b), [2, 2, 4, 4, 8, 10, 16]);

  const inside = memorySink<number>();
  const none = job("inside", (flow) => {
    numbers(flow).iterate("down", (loop) => {
      loop.to("inside", inside);
      return { feedback: loop.map((n) => n - 1).filter((n) => n > 0), output: undefined };
    });
  });
  await using second = await start(none);
  await second.finished;
  assert.equal(inside.values.toSorted((a, b) => a - b), [1, 1, 1, 2, 2, 3]);
});

test("a loop within a loop is refused when the job is defined", () => {
  refuses("BAD_GRAPH", /loops (inner and outer|outer and inner) both go through .* cannot be nested/, (flow) => {
    numbers(flow).iterate("outer", (loop) => {
      const inner = loop.iterate("inner", same);
      return { feedback: inner.filter((n) => n > 1), output: inner };
    }).to("out", stdout());
  });
});

test("watermarks within a loop, and feedback from elsewhere, are refused when the job is defined", () => {
  refuses("BAD_GRAPH", /lets no watermark through; call .watermarks\(\) before the loop/, (flow) => {
    numbers(flow).watermarks((n) => n).iterate("loop", (loop) => {
      const timed = loop.watermarks((n) => n + 1);
      return { feedback: timed, output: timed };
    }).to("out", stdout());
  });
  refuses("BAD_GRAPH", /the feedback of loop loop comes from other, which lies outside of it/, (flow) => {
    const other = flow.from("other", memorySource([1]));
    numbers(flow).iterate("loop", (loop) => ({ feedback: other, output: loop })).to("out", stdout());
  });
});

test("a body that returns no feedback, and a limit that is no number of bytes, are refused", () => {
  refuses("JOB_DEFINITION", /iterate\("loop", …\) must return \{ feedback, output \}/, (flow) => {
    numbers(flow).iterate("loop", ((loop: Stream<number>) => ({ output: loop })) as never);
  });
  refuses("OPTION_OUT_OF_RANGE", /loop "loop": feedbackBytes must be a whole number from 1, not 0/, (flow) => {
    numbers(flow).iterate("loop", same, { feedbackBytes: 0 }).to("out", stdout());
  });
  refuses("OPTION_OUT_OF_RANGE", /loop "loop": feedbackSpillBytes must be a whole number from 0, not 0.5/, (flow) => {
    numbers(flow).iterate("loop", same, { feedbackSpillBytes: 0.5 }).to("out", stdout());
  });
});

test("what is fed back must be of the loop's type", () => {
  job("typed", (flow) => {
    numbers(flow).iterate("loop", (loop) => {
      const text: Stream<string, false> = loop.map(String);
      // @ts-expect-error: the loop takes numbers
      const ends: LoopEnds<number, false, typeof text> = { feedback: text, output: text };
      void ends;
      return { feedback: loop.filter(() => false), output: text };
    }).to("out", stdout());
  });
});

test.run();
