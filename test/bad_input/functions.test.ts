import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type Flow,
  forEach,
  job,
  MAX_WATERMARK,
  memorySink,
  memorySource,
  type Sink,
  type Source,
  type Stream,
  type,
} from "../../mod.ts";
import { failsWith } from "../connectors/fails_with.ts";
import { outcome } from "./outcome.ts";

const test = suite("functions of the user that fail");

const boom = (): never => {
  throw new RangeError("boom");
};

const running = (build: (numbers: Stream<number, false>) => Stream<unknown>) => () =>
  outcome(job("failing", (flow) => build(flow.from("in", memorySource([1, 2, 3]))).to("out", memorySink())));

const handlers = {
  emits: type<number>(),
  onRecord: () => {},
};

const failing: readonly [string, RegExp, () => Promise<unknown>][] = [
  ["map", /map in\/map#1 \(subtask 0\) could not process a record: boom/, running((in_) => in_.map(boom))],
  ["flatMap", /flatMap in\/flatMap#1 .*boom/, running((in_) => in_.flatMap(boom))],
  [
    "the generator of a flatMap",
    /flatMap in\/flatMap#1 .*boom/,
    running((in_) =>
      in_.flatMap(function* () {
        yield 1;
        boom();
      })
    ),
  ],
  ["filter", /filter in\/filter#1 .*boom/, running((in_) => in_.filter(boom))],
  ["watermarks", /watermarks in\/watermarks#1 .*boom/, running((in_) => in_.watermarks(boom))],
  ["onRecord", /process p .*boom/, running((in_) => in_.process("p", { ...handlers, onRecord: boom }))],
  ["onRecord, a promise", /process p .*boom/, running((in_) => in_.process("p", { ...handlers, onRecord: async () => boom() }))],
  ["onEnd", /process p .*boom/, running((in_) => in_.process("p", { ...handlers, onEnd: boom }))],
  ["onEnd, a promise", /process p .*boom/, running((in_) => in_.process("p", { ...handlers, onEnd: async () => boom() }))],
  [
    "onTimer",
    /process p .*boom/,
    running((in_) =>
      in_.keyBy("n", (n) => n).process("p", {
        ...handlers,
        onRecord: (_, ctx) => ctx.timers.event(MAX_WATERMARK),
        onTimer: boom,
      })
    ),
  ],
  [
    "an aggregate",
    /aggregate a .*boom/,
    running((in_) => in_.keyBy("n", (n) => n).aggregate("a", { create: () => 0, add: boom, result: (n) => n })),
  ],
];

for (const [name, said, run] of failing) {
  test(`${name}: the operator is named, and the user's error is the cause`, async () => {
    await failsWith("OPERATOR_FAILED", said, async () => {
      try {
        await run();
      } catch (error) {
        assert.instance(deepest(error), RangeError);
        throw error;
      }
    });
  });
}

function deepest(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? deepest(error.cause) : error;
}

test("a key function that fails is named by its source", async () => {
  await failsWith("OPERATOR_FAILED", /boom/, running((in_) => in_.keyBy("n", boom).process("p", handlers)));
});

test("an error thrown as something else than an Error is said as well", async () => {
  for (const thrown of ["a text", 7, undefined, null, { code: 7 }]) {
    const throwing = running((in_) =>
      in_.map(() => {
        throw thrown;
      })
    );
    await failsWith(
      "OPERATOR_FAILED",
      new RegExp(`could not process a record: ${String(thrown).replace(/[[\]]/g, ".")}`),
      throwing,
    );
  }
});

test("an error that is its own cause ends the job as any other does", async () => {
  const circular = new RangeError("boom");
  circular.cause = circular;
  const throwing = running((in_) =>
    in_.map(() => {
      throw circular;
    })
  );
  await failsWith("OPERATOR_FAILED", /map in\/map#1 .*boom/, throwing);
});

const ended = (build: (flow: Flow) => void) => () => outcome(job("ended", build));
const into = (sink: unknown) => ended((flow) => flow.from("in", memorySource([1, 2, 3])).to("out", sink as Sink<number>));

test("a sink that fails is named, whenever it does", async () => {
  const sink = (writer: unknown) => ({ kind: "own", delivery: "at-least-once", open: () => writer });
  await failsWith(
    "SINK_FAILED",
    /sink out \(subtask 0\) could not be opened: .*gave no writer; give an object with write/,
    into(sink({})),
  );
  await failsWith("SINK_FAILED", /sink out .*gave no writer/, into(sink(undefined)));
  await failsWith("SINK_FAILED", /sink out \(subtask 0\) could not be opened: boom/, into({ ...sink({}), open: boom }));
  await failsWith("SINK_FAILED", /could not be opened: boom/, into({ ...sink({}), open: async () => boom() }));
  const close = () => {};
  await failsWith("OPERATOR_FAILED", /sink out .*boom/, into(sink({ write: boom, close })));
  await failsWith("OPERATOR_FAILED", /out.*boom/, into(sink({ write: async () => boom(), close })));
  await failsWith("PREPARE_FAILED", /out.*boom/, into(sink({ write() {}, flush: boom, close })));
  await failsWith("OPERATOR_FAILED", /out.*boom/, into(forEach(boom)));
  await failsWith("OPERATOR_FAILED", /out.*boom/, into(forEach(async () => boom())));
  await failsWith(
    "PREPARE_FAILED",
    /sink out could not prepare checkpoint 1: boom/,
    into(sink({ write() {}, prepare: boom, commit() {}, close })),
  );
  const prepare = () => "prepared";
  await failsWith(
    "COMMIT_FAILED",
    /could not commit checkpoint 1: boom/,
    into(sink({ write() {}, prepare, commit: boom, close })),
  );
});

test("a sink that returns what is no promise is not waited for", async () => {
  const written: number[] = [];
  const writer = { write: (n: number) => written.push(n), close: () => {} };
  await into({ kind: "own", delivery: "at-least-once", open: () => writer })();
  assert.equal(written, [1, 2, 3]);
});

test("a source that fails is named, whenever it does", async () => {
  const source = (parts: object) => ({ kind: "own", bounded: true, splits: () => [{ id: "a" }], open: () => ({}), ...parts });
  const from = (given: object) => ended((flow) => flow.from("in", given as Source<number>).to("out", memorySink()));
  const reader = { poll: () => "ended", position: () => 0, close() {} };
  await failsWith("SOURCE_FAILED", /source in could not say what there is to read: boom/, from(source({ splits: boom })));
  await failsWith("SOURCE_FAILED", /splits\(\) gave no array/, from(source({ splits: () => "a" })));
  await failsWith("SOURCE_FAILED", /one of its splits has no id/, from(source({ splits: () => ["a"] })));
  await failsWith(
    "SOURCE_FAILED",
    /two of its splits have the id "a"/,
    from(source({ splits: () => [{ id: "a" }, { id: "a" }] })),
  );
  await failsWith("SOURCE_FAILED", /source in \(subtask 0\) could not be opened: boom/, from(source({ open: boom })));
  await failsWith("SOURCE_FAILED", /could not be opened: boom/, from(source({ open: async () => boom() })));
  await failsWith("SOURCE_FAILED", /gave no reader of split "a"; give an object with poll/, from(source({})));
  await failsWith(
    "SOURCE_FAILED",
    /source in could not read split "a": boom/,
    from(source({ open: () => ({ ...reader, poll: boom }) })),
  );
  await failsWith(
    "SOURCE_FAILED",
    /source in could not say how far it has read in split "a": boom/,
    from(source({ open: () => ({ ...reader, position: boom }) })),
  );
});

test.run();
