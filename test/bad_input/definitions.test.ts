import { suite } from "uvu";
import {
  combine,
  count,
  type Flow,
  forEach,
  generate,
  job,
  jsonlSink,
  jsonlSource,
  memorySink,
  memorySource,
  minutes,
  replicate,
  start,
  stdout,
  tumbling,
  type,
} from "../../mod.ts";
import { failsWith } from "../connectors/fails_with.ts";

const test = suite("a job's definition with a mistake in it");

const define = (build: (flow: Flow) => unknown, options = {}) => () => job("clicks", build, options);
const numbers = (flow: Flow) => flow.from("numbers", memorySource([1, 2, 3]));
/** What only those can write who do without the compiler. */
const wrong = (value: unknown): never => value as never;

test("names no two operators the same: both places are named", () =>
  failsWith(
    "DUPLICATE_UID",
    /job clicks: the uid "out" of sink \(\S+:\d+\) is already that of sink \(\S+:\d+\)/,
    define((flow) => {
      numbers(flow).to("out", memorySink());
      numbers(wrong({ from: () => flow.from("more", memorySource([4])) })).to("out", memorySink());
    }),
  ));

test("has uids and names that can be file names and subjects", async () => {
  for (const uid of ["", " first", "a/b", "x".repeat(65), wrong(null), wrong(7)]) {
    const said = /job clicks: the uid of sink \(\S+:\d+\) must have 1 to 64 letters, digits/;
    await failsWith("BAD_UID", said, define((flow) => numbers(flow).to(uid, memorySink())));
  }
  for (const name of ["", "a b", "a/b", "x".repeat(65), wrong(undefined)]) {
    await failsWith(
      "BAD_NAME",
      /a job's name has 1 to 64 letters/,
      () => job(name, (flow) => numbers(flow).to("out", memorySink())),
    );
  }
});

test("leads every stream from a source to a sink", async () => {
  await failsWith("BAD_GRAPH", /clicks reads from no source: begin with flow\.from/, define(() => {}));
  await failsWith(
    "BAD_GRAPH",
    /what map "numbers\/map#1" \(\S+:\d+\) gives goes nowhere: end it with \.to\(uid, sink\)/,
    define((flow) => numbers(flow).map((n) => n)),
  );
});

test("is given sources, sinks, functions, aggregates and windows: what is something else is named with its place", async () => {
  const timed = (flow: Flow) => numbers(flow).watermarks((n) => n).keyBy("n", (n) => n);
  for (
    const [said, build] of [
      [/from\("in", …\) was not given a source/, (flow: Flow) => flow.from("in", wrong(memorySink()))],
      [/from\("in", …\) was not given a source/, (flow: Flow) => flow.from("in", wrong(undefined))],
      [/to\("out", …\) was not given a sink/, (flow: Flow) => numbers(flow).to("out", wrong(memorySource([])))],
      [/to\("out", …\) was not given a sink/, (flow: Flow) => numbers(flow).to("out", wrong(null))],
      [
        /keyBy takes the key's name and a function/,
        (flow: Flow) => numbers(flow).keyBy(wrong((n: number) => n), wrong(undefined)),
      ],
      [/window\(\) takes a window/, (flow: Flow) => timed(flow).window(wrong(60_000))],
      [/aggregate\("sum", …\) was not given an aggregate/, (flow: Flow) => timed(flow).aggregate("sum", wrong(count))],
      [/reduce\("r", …\) was not given a function/, (flow: Flow) => timed(flow).window(tumbling(1)).reduce("r", wrong(count()))],
      [
        /aggregate\("n", …\): the third argument/,
        (flow: Flow) => timed(flow).window(tumbling(1)).aggregate("n", count(), wrong({ parallelism: 2 })),
      ],
    ] as const
  ) {
    await failsWith("JOB_DEFINITION", said, define(build));
    await failsWith("JOB_DEFINITION", /job clicks \(\S+:\d+\)/, define(build));
  }
});

test("is a function that answers at once: an async one would build other graphs on other machines", async () => {
  await failsWith("JOB_DEFINITION", /clicks was not given a function/, () => job("clicks", wrong(undefined)));
  await failsWith(
    "JOB_DEFINITION",
    /clicks was given an async function; await what there is to await before job\(\)/,
    define(async (flow) => {
      numbers(flow).to("out", memorySink());
      await Promise.reject(new Error("also this does no harm"));
    }),
  );
});

test("adds nothing after it has returned", async () => {
  let kept!: Flow;
  define((flow) => {
    kept = flow;
    numbers(flow).to("out", memorySink());
  })();
  await failsWith(
    "JOB_DEFINITION",
    /source \(\S+:\d+\) was added after/,
    () => kept.from("late", memorySource([1])),
  );
});

test("gives stateless operators functions, and synchronous ones", async () => {
  const operators = {
    map: (fn: unknown) => define((flow) => numbers(flow).map(wrong(fn))),
    flatMap: (fn: unknown) => define((flow) => numbers(flow).flatMap(wrong(fn))),
    filter: (fn: unknown) => define((flow) => numbers(flow).filter(wrong(fn))),
  };
  for (const [name, given] of Object.entries(operators)) {
    await failsWith("NOT_A_FUNCTION", new RegExp(`^${name} was given a value of type number`), given(7));
    const said = new RegExp(`^${name} was given an async function.*\\.process\\(\\)`);
    await failsWith("ASYNC_FUNCTION", said, given(async (n: number) => n));
  }
  await failsWith("NOT_A_FUNCTION", /watermarks/, define((flow) => numbers(flow).watermarks(wrong("at"))));
});

test("has whole process functions", async () => {
  const process = (definition: unknown) => define((flow) => numbers(flow).process("p", wrong(definition)));
  await failsWith("PROCESS_DEFINITION", /has no onRecord; give \{ state\?, emits, sides\?, onRecord/, process({ emits: type() }));
  await failsWith("PROCESS_DEFINITION", /has no onRecord/, process(undefined));
  await failsWith("PROCESS_DEFINITION", /onTimer that is no function/, process({ onRecord() {}, onTimer: 1 }));
  await failsWith("PROCESS_DEFINITION", /state that is no object/, process({ onRecord() {}, state: 1 }));
  await failsWith("AGGREGATE_COMBINE", /was given no aggregates/, () => combine({}));
});

test("keeps parallelism and key groups in range", async () => {
  for (const parallelism of [0, -1, 1.5, NaN, Infinity, 32_769, wrong("2"), wrong(null)]) {
    const build = (flow: Flow) => numbers(flow).map((n) => n, { parallelism }).to("out", memorySink());
    await failsWith("BAD_PARALLELISM", /job clicks: map .*parallelism must be a whole number from 1 to/, define(build));
    await failsWith(
      "BAD_PARALLELISM",
      /job clicks: parallelism must be a whole number/,
      define((flow) => numbers(flow).to("out", memorySink()), { parallelism }),
    );
  }
  for (const keyGroups of [0, 1.5, 32_769, wrong("128")]) {
    await failsWith(
      "OPTION_OUT_OF_RANGE",
      /job clicks: keyGroups must be a whole number from 1 to 32768/,
      define((flow) => numbers(flow).to("out", memorySink()), { keyGroups }),
    );
  }
  const many = define(
    (flow) => numbers(flow).keyBy("n", (n) => n).aggregate("c", count(), { parallelism: 9 }).to("o", memorySink()),
    {
      keyGroups: 8,
    },
  );
  await failsWith("BAD_PARALLELISM", /operator c cannot run with parallelism 9; give one from 1 to 8/, many);
});

test("keeps windows, watermarks and state in range", async () => {
  for (const size of [0, -1, 0.5, NaN, Infinity, minutes(1e9)]) {
    await failsWith("WINDOW_SIZE", /is not possible/, () => tumbling(size));
  }
  await failsWith("WINDOW_SIZE", /offset/, () => tumbling(10, { offsetMs: 10 }));
  for (const options of [{ outOfOrderMs: -1 }, { outOfOrderMs: NaN }, { idleAfterMs: 0 }]) {
    await failsWith(
      "OPTION_OUT_OF_RANGE",
      /watermarks: (outOfOrderMs|idleAfterMs) must be/,
      define((flow) => numbers(flow).watermarks((n) => n, options).keyBy("n", (n) => n)),
    );
  }
  const keyed = define((flow) => {
    numbers(flow).keyBy("n", (n) => n)
      .process("p", { state: wrong({ all: replicate(type<number>(), 0) }), emits: type<number>(), onRecord() {} })
      .to("out", memorySink());
  });
  await failsWith("STATE_DESCRIPTOR", /all/, async () => {
    await using run = await start(keyed(), { log: () => {} });
    await run.finished;
  });
});

test("keeps the options of connectors in range", async () => {
  for (
    const make of [
      () => generate({ count: -1, make: (n) => n }),
      () => generate({ count: 1.5, make: (n) => n }),
      () => generate({ count: 1, splits: 0, make: (n) => n }),
      () => generate({ count: 1, ratePerSecond: 0, make: (n) => n }),
      () => generate({ count: 1, make: wrong(undefined) }),
      () => generate(wrong(undefined)),
      () => memorySource(wrong(5)),
      () => forEach(wrong(undefined)),
      () => stdout({ format: wrong("json") }),
      () => jsonlSource(""),
      () => jsonlSource("a", { maxLineBytes: 0 }),
      () => jsonlSource("a", { splitBytes: 0.5 }),
      () => jsonlSource("a", { onMalformed: wrong("ignore") }),
      () => memorySource([1], { splits: 0 }),
      () => memorySink({ delivery: wrong("exactly-once") }),
      () => jsonlSink(""),
    ]
  ) {
    await failsWith(
      "OPTION_OUT_OF_RANGE",
      /^(generate|memorySource|memorySink|forEach|stdout|jsonlSource|jsonlSink): .*must be/,
      make,
    );
  }
});

test.run();
