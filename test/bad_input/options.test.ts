import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, memorySink, memorySource, memoryStorage, SluiceError, start } from "../../mod.ts";
import { failsWith } from "../connectors/fails_with.ts";

const test = suite("options of start that are wrong");

const small = job("small", (flow) => flow.from("in", memorySource([1])).to("out", memorySink()));
/** Starts with options that only those can write who do without the compiler. */
const starting = (options: unknown) => async () => {
  await using run = await start(small, options as object);
  await run.finished;
};

const wholeNumbers: readonly [string, number, number][] = [
  ["parallelism", 1, 32_768],
  ["from", 1, Number.MAX_SAFE_INTEGER],
  ["handlerTimeoutMs", 1, 2 ** 31 - 1],
  ["shutdownMs", 1, 2 ** 31 - 1],
  ["checkpoints.intervalMs", 1, 2 ** 31 - 1],
  ["checkpoints.minPauseMs", 0, 2 ** 31 - 1],
  ["checkpoints.timeoutMs", 1, 2 ** 31 - 1],
  ["checkpoints.maxConcurrent", 1, 8],
  ["checkpoints.tolerableFailures", 0, 2 ** 31 - 1],
  ["checkpoints.retain", 1, 10_000],
  ["channels.frameRecords", 1, 65_536],
  ["channels.frameBytes", 1, 2 ** 31 - 1],
  ["channels.windowBytes", 1, 2 ** 31 - 1],
  ["channels.targetMs", 1, 60_000],
  ["channels.overdraftBytes", 1, 2 ** 31 - 1],
  ["channels.handOverSteps", 1, 65_536],
];

function withOption(name: string, value: unknown): unknown {
  const [first = "", second] = name.split(".");
  return second === undefined ? { [first]: value } : { [first]: { [second]: value } };
}

for (const [name, least, most] of wholeNumbers) {
  test(`${name} is a whole number from ${least} to ${most}`, async () => {
    // A text is a folder where one can be.
    const texts = name === "from" ? [] : [String(least)];
    for (const value of [least - 1, most + 1, least + 0.5, NaN, Infinity, ...texts, null, {}]) {
      const said = new RegExp(`^cannot start: ${name} must be a whole number from ${least} to ${most}, not `);
      await failsWith("BAD_OPTIONS", said, starting(withOption(name, value)));
    }
  });
}

test("everything else is checked as well", async () => {
  for (
    const [options, said] of [
      [{ checkpoints: 5 }, /checkpoints must be an object, not 5/],
      [{ from: "" }, /from must be a checkpoint id or a folder, not ""/],
      [{ checkpoints: { mode: "exactly-once" } }, /checkpoints\.mode must be .*not "exactly-once"/],
      [{ checkpoints: { mode: { alignedTimeoutMs: -1 } } }, /checkpoints\.mode must be/],
      [{ checkpoints: { mode: null } }, /checkpoints\.mode must be/],
      [{ checkpoints: { directory: "" } }, /checkpoints\.directory must be a path/],
      [{ checkpoints: { directory: 7 } }, /checkpoints\.directory must be a path/],
      [{ checkpoints: { storage: {} } }, /checkpoints\.storage must be a storage, such as memoryStorage\(\)/],
      [{ checkpoints: { directory: "a", storage: memoryStorage() } }, /exclude each other/],
      [
        { restart: { kind: "always" } },
        /restart\.kind must be one of none, fixed-delay, exponential, failure-rate, not "always"/,
      ],
      [{ restart: null }, /restart\.kind must be one of/],
      [{ restart: { kind: "fixed-delay", maxRestarts: 3 } }, /restart\.delayMs must be a number of at least 0, not undefined/],
      [{ restart: { kind: "fixed-delay", maxRestarts: 1.5, delayMs: 0 } }, /restart\.maxRestarts must be a whole number/],
      [{ restart: { kind: "none", delayMs: 3 } }, /restart\.delayMs is no field of the strategy none/],
      [{ allowDuplicates: "yes" }, /allowDuplicates must be true or false, not yes/],
      [{ signal: 1 }, /signal must be an object, not 1/],
      [{ log: {} }, /log must be a function/],
      [{ checkpoint: {} }, /there is no option checkpoint; there are parallelism, checkpoints, /],
      [{ checkpoints: { intervalMS: 5 } }, /there is no option checkpoints\.intervalMS; there are checkpoints\.directory, /],
      [{ channels: { frames: 5 } }, /there is no option channels\.frames/],
    ] as const
  ) {
    await failsWith("BAD_OPTIONS", said, starting(options));
  }
});

test("one error lists every one of them", async () => {
  const options = { parallelism: 0, checkpoints: { mode: "no", retain: 0, every: 1 }, restart: { kind: "no" }, from: -1 };
  try {
    await starting(options)();
    assert.unreachable("started");
  } catch (error) {
    assert.instance(error, SluiceError);
    const { message } = error as SluiceError;
    for (const name of ["parallelism", "checkpoints.mode", "checkpoints.retain", "checkpoints.every", "restart.kind", "from"]) {
      assert.match(message, `${name}`);
    }
    assert.is(message.split("; ").length >= 6, true);
  }
});

test("what is started is a job", async () => {
  for (const value of [undefined, null, {}, () => {}, { default: small }]) {
    await failsWith("NOT_A_JOB", /start was not given a job/, () => start(value as never));
  }
});

test.run();
