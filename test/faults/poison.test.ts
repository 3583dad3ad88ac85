/** The row of the fault matrix about records that an operator can never process, and what becomes of all the others. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import { World } from "../../actors/simulation/world.ts";
import {
  type CheckpointMode,
  forEach,
  generate,
  type Job,
  job,
  type JobEvent,
  memorySink,
  type PoisonLetter,
  type Run,
  type SluiceError,
  start,
  type StartOptions,
  type Stream,
  type,
  value,
} from "../../mod.ts";
import { failsWith } from "../connectors/fails_with.ts";
import { outcome } from "../bad_input/outcome.ts";

const test = suite("records that fail again and again");

interface Payment {
  readonly n: number;
  readonly account: string;
}

const payments = 400;
const paymentOf = (n: number): Payment => ({ n, account: `secret-${n % 4}` });

/** A job whose `total` fails at some payments, after it has changed its state; in virtual time. */
class PoisonedJob {
  readonly world: World;
  readonly out = memorySink<string>();
  readonly events: JobEvent[] = [];
  readonly letters: PoisonLetter[] = [];
  /** What fails: may be changed while the job runs. */
  bad: ReadonlySet<number>;
  readonly job: Job;

  constructor(
    seed: string,
    bad: readonly number[],
    before: (stream: Stream<Payment, false>) => Stream<Payment, false> = (s) => s,
  ) {
    this.world = new World(seed);
    this.bad = new Set(bad);
    this.job = job("poisoned", (flow) => {
      const source = generate({ count: payments, splits: 2, ratePerSecond: 4_000, make: paymentOf });
      before(flow.from("payments", source, { parallelism: 2 }))
        .keyBy("account", ({ account }) => account)
        .process("total", {
          state: { total: value(type<number>(), 0) },
          emits: type<string>(),
          onRecord: async ({ n, account }, ctx) => {
            ctx.state.total.set(ctx.state.total.get() + n);
            await new Promise<void>((resolve) => void this.world.clock.setTimer(0.4, resolve));
            if (this.bad.has(n)) throw new Error("no such currency");
            ctx.emit(`${account}:${ctx.state.total.get()}`);
          },
        }, { parallelism: 2 })
        .to("out", this.out, { parallelism: 2 });
    });
  }

  async start(options: StartOptions): Promise<Run> {
    const { world } = this;
    const run = await world.run(start(this.job, {
      system: world.system("job"),
      clock: world.clock,
      random: world.random.fork("run"),
      log: () => {},
      restart: {
        kind: "exponential",
        initialDelayMs: 50,
        maxDelayMs: 1_000,
        factor: 2,
        jitter: 0,
        resetAfterMs: 60_000,
        maxRestarts: 5,
      },
      ...options,
    })) as Run;
    void (async () => {
      for await (const event of run.events) this.events.push(event);
    })();
    return run;
  }

  async finish(options: StartOptions): Promise<void> {
    const run = await this.start(options);
    await this.world.run(run.finished, { maxMs: 600_000 });
    await this.world.run(run.cancel());
  }

  of<K extends JobEvent["kind"]>(kind: K): Extract<JobEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<JobEvent, { kind: K }> => event.kind === kind);
  }

  /** The last total of each account, and how many steps it took: what a loop comes to that leaves the bad ones out. */
  static expected(without: readonly number[]): Map<string, readonly [steps: number, total: number]> {
    const totals = new Map<string, readonly [number, number]>();
    for (let n = 0; n < payments; n++) {
      if (without.includes(n)) continue;
      const { account } = paymentOf(n);
      const [steps, total] = totals.get(account) ?? [0, 0];
      totals.set(account, [steps + 1, total + n]);
    }
    return totals;
  }

  totals(): Map<string, readonly [steps: number, total: number]> {
    const totals = new Map<string, readonly [number, number]>();
    for (const text of this.out.values) {
      const [account = "", total] = text.split(":");
      const [steps, most] = totals.get(account) ?? [0, 0];
      totals.set(account, [steps + 1, Math.max(most, Number(total))]);
    }
    return new Map([...totals].sort());
  }
}

const everyMode: readonly CheckpointMode[] = ["aligned", "unaligned", { alignedTimeoutMs: 2 }];

for (const mode of everyMode) {
  const named = typeof mode === "string" ? mode : "timed";

  test(`fault 18: ${named}: a record that always fails is skipped, and everything else counts exactly once`, async () => {
    const bad = [123, 200, 201];
    const poisoned = new PoisonedJob(`skip ${named}`, bad);
    const deadLetters = (letter: PoisonLetter) => void poisoned.letters.push(letter);
    await poisoned.finish({ checkpoints: { mode, intervalMs: 7 }, poison: { policy: "skip", afterFailures: 2, deadLetters } });
    assert.equal(poisoned.totals(), PoisonedJob.expected(bad));
    const lettersOf = new Set(poisoned.letters.map(({ record }) => (record as Payment).n));
    assert.equal([...lettersOf].sort(), bad);
    for (const { uid, hash, keyHash, error, positions } of poisoned.letters) {
      assert.is(uid, "total");
      assert.match(hash, /^[0-9a-f]{16}$/);
      assert.match(keyHash as string, /^[0-9a-f]{8}$/);
      assert.match(error, /process total .*no such currency/);
      assert.match(positions["payments"] as string, /0\/2 at (\d+|its end)/);
    }
    const skipped = poisoned.of("record-skipped");
    assert.is(skipped.length, poisoned.letters.length);
    assert.not(JSON.stringify(skipped).includes("secret"), "events do not show the record");
    assert.is(poisoned.of("failed").length, 2 * bad.length, "two failures each, and no more");
    const counted = poisoned.of("checkpoint-completed").at(-1)?.figures.subtasks ?? [];
    assert.ok(counted.some(({ counts }) => (counts["poisonRecords"] ?? 0) > 0));
  });
}

test("fault 18: by default the job fails after three tries, in no hot loop, with operator, position and key hash", async () => {
  const poisoned = new PoisonedJob("fail", [123]);
  const since = poisoned.world.clock.monotonic();
  await failsWith(
    "RECORD_POISONED",
    /operator total failed 3 times at the same record \(hash \w{16}, key hash \w{8}\), with the sources at payments in 0\/2 at/,
    () => poisoned.finish({ checkpoints: { mode: "unaligned", intervalMs: 7 } }),
  );
  assert.is(poisoned.of("failed").length, 3);
  assert.equal(poisoned.of("restarting").map(({ delayMs }) => delayMs), [50, 100]);
  assert.ok(poisoned.world.clock.monotonic() - since > 150);
  const given = poisoned.of("given-up")[0]?.cause as SluiceError;
  assert.not(given.message.includes("secret"), given.message);
});

test("fault 18: checkpoints between the failures do not make the job go on for ever", async () => {
  const poisoned = new PoisonedJob("between", [300]);
  const unlimited = { kind: "fixed-delay", maxRestarts: Infinity, delayMs: 5 } as const;
  await failsWith(
    "RECORD_POISONED",
    /failed 3 times/,
    () => poisoned.finish({ checkpoints: { mode: "unaligned", intervalMs: 3 }, restart: unlimited }),
  );
  assert.ok(poisoned.of("checkpoint-completed").length > 0);
});

test("fault 18: what is skipped stays skipped, before any effect, when the job fails for other reasons later", async () => {
  let failures = 0;
  const poisoned = new PoisonedJob("later", [50], (stream) =>
    stream.map((payment) => {
      if (payment.n === 390 && failures++ === 0) throw new Error("a hiccup");
      return payment;
    }));
  await poisoned.finish({ checkpoints: { mode: "aligned" }, poison: { policy: "skip", afterFailures: 2 } });
  assert.equal(poisoned.totals(), PoisonedJob.expected([50]));
  assert.is(poisoned.of("failed").length, 3);
  assert.is(poisoned.of("record-skipped").length, 2, "without a checkpoint between it comes twice, and is skipped twice");
});

test("fault 18: paused, nothing is tried again until it is told to; then it goes on, with exact totals", async () => {
  const poisoned = new PoisonedJob("pause", [123]);
  const { world } = poisoned;
  const run = await poisoned.start({ checkpoints: { mode: "unaligned", intervalMs: 7 }, poison: { policy: "pause" } });
  await world.run(() => poisoned.of("paused").length > 0);
  const [paused] = poisoned.of("paused");
  assert.is(paused?.uid, "total");
  assert.match(String(paused?.cause), /operator total failed 3 times at the same record/);
  const before = poisoned.events.length;
  await world.pass(3_600_000);
  assert.is(poisoned.events.length, before);
  run.resume();
  await world.run(() => poisoned.of("paused").length > 1);
  assert.is(poisoned.of("failed").length, 6, "as often again");
  poisoned.bad = new Set();
  run.resume();
  run.resume();
  await world.run(run.finished);
  assert.equal(poisoned.totals(), PoisonedJob.expected([]));
});

test("fault 18: a paused run can be stopped, which fails, and cancelled", async () => {
  for (const end of ["stop", "cancel"] as const) {
    const poisoned = new PoisonedJob(end, [5]);
    const { world } = poisoned;
    const run = await poisoned.start({ poison: { policy: "pause", afterFailures: 1 } });
    await world.run(() => poisoned.of("paused").length > 0);
    if (end === "stop") await failsWith("RECORD_POISONED", /operator total/, () => world.run(run.stop()));
    else await world.run(run.cancel());
    await failsWith(end === "stop" ? "RECORD_POISONED" : "RUN_CANCELLED", /./, () => run.finished);
  }
});

/** Runs a small job with the policy `skip`, at once. */
async function skipping(
  build: (stream: Stream<number, false>, out: number[]) => void,
): Promise<{ readonly out: number[]; readonly letters: PoisonLetter[]; readonly events: JobEvent[] }> {
  const out: number[] = [];
  const letters: PoisonLetter[] = [];
  const numbers = job("numbers", (flow) => build(flow.from("in", generate({ count: 20, make: (n) => n })), out));
  const events = await outcome(numbers, {
    restart: { kind: "fixed-delay", maxRestarts: 5, delayMs: 0 },
    poison: { policy: "skip", afterFailures: 2, deadLetters: (letter) => void letters.push(letter) },
  });
  return { out, letters, events };
}

const failAt7 = (n: number): number => {
  if (n === 7) throw new Error("seven");
  return n;
};

test("any operator that is given records may be the one: stateless ones, sinks, and functions of keys", async () => {
  const collect = (out: number[]) => memorySinkInto(out);
  const builds: readonly (readonly [string, unknown, (stream: Stream<number, false>, out: number[]) => void])[] = [
    ["in/map#1", 7, (s, out) => s.map(failAt7).to("out", collect(out))],
    ["in/flatMap#1", 7, (s, out) => s.flatMap((n) => [failAt7(n)]).to("out", collect(out))],
    ["in/filter#1", 7, (s, out) => s.filter((n) => failAt7(n) >= 0).to("out", collect(out))],
    [
      "in/map#1",
      7,
      (s, out) => s.map((n) => n).keyBy("n", failAt7).aggregate("a", sumOf).map((r) => r.key).to("out", collect(out)),
    ],
    ["in", 7, (s, out) => s.keyBy("n", failAt7).aggregate("a", plainSum).map((r) => r.key).to("out", collect(out))],
    ["a", 7, (s, out) => s.keyBy("n", (n) => n).aggregate("a", sumOf).map((r) => r.key).to("out", collect(out))],
  ];
  for (const [uid, record, build] of builds) {
    const { out, letters } = await skipping(build);
    const expected = Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 7);
    assert.equal([...out].sort((a, b) => a - b), expected, uid);
    assert.equal(letters.map((letter) => [letter.uid, letter.record]), [[uid, record]]);
  }
});

const plainSum = { create: () => 0, add: (sum: number, n: number) => sum + n, result: (sum: number) => sum };
const sumOf = { create: () => 0, add: (sum: number, n: number) => sum + failAt7(n), result: (sum: number) => sum };

/** A transactional sink into an array: nothing is in it twice. */
function memorySinkInto(out: number[]) {
  const sink = memorySink<number>();
  Object.defineProperty(out, Symbol.iterator, { value: () => sink.values[Symbol.iterator](), configurable: true });
  return sink;
}

test("a sink that fails at a record: it is skipped as well", async () => {
  const seen: number[] = [];
  const { letters } = await skipping((stream) => stream.to("out", forEach(async (n) => void seen.push(failAt7(n)))));
  assert.equal(letters.map(({ uid, record }) => [uid, record]), [["out", 7]]);
  assert.equal([...new Set(seen)].length, 19);
});

test("what is not the record's fault skips nothing: a record before it that cannot be sent, for one", async () => {
  const letters: PoisonLetter[] = [];
  const sent = job("sent", (flow) => {
    flow.from("in", generate({ count: 20, make: (n) => n })).map((n) => (n === 7 ? () => n : n)).rebalance()
      .process("p", { emits: type<number>(), onRecord() {} }).to("out", memorySink());
  });
  await failsWith("UNENCODABLE_VALUE", /a record that in\/map#1 emitted cannot be sent/, () =>
    outcome(sent, {
      transport: new MemoryBroker().connect(),
      poison: { policy: "skip", afterFailures: 1, deadLetters: (letter) => void letters.push(letter) },
      restart: { kind: "fixed-delay", maxRestarts: 5, delayMs: 0 },
    }));
  assert.is(letters.length, 0);
});

test("dead letters that cannot be taken are a warning", async () => {
  for (const deadLetters of [() => fail(), async () => fail()]) {
    const events = await outcome(
      job("numbers", (flow) => flow.from("in", generate({ count: 20, make: (n) => n })).map(failAt7).to("out", memorySink())),
      { poison: { policy: "skip", afterFailures: 1, deadLetters } },
    );
    const warning = events.find((event) => event.kind === "warning");
    assert.match(warning?.kind === "warning" ? warning.message : "", /deadLetters could not take a record .*in\/map#1 .*full/);
  }
});

function fail(): never {
  throw new Error("the letter box is full");
}

test("options of the policy are checked", async () => {
  const small = job("small", (flow) => flow.from("in", generate({ count: 1, make: (n) => n })).to("out", memorySink()));
  for (
    const [options, said] of [
      [{ poison: { policy: "ignore" } }, /poison\.policy must be "fail", "skip" or "pause", not "ignore"/],
      [{ poison: { afterFailures: 0 } }, /poison\.afterFailures must be a whole number of at least 1, not 0/],
      [{ poison: { policy: "skip", deadLetters: 5 } }, /poison\.deadLetters must be a function/],
      [{ poison: { deadLetters() {} } }, /poison\.deadLetters goes with the policy "skip" only/],
      [{ poison: { policy: "skip" }, restart: { kind: "none" } }, /poison\.policy "skip" needs a restart strategy/],
      [{ poison: { after: 3 } }, /there is no option poison\.after; there are poison\.policy/],
    ] as const
  ) {
    await failsWith("BAD_OPTIONS", said, () => start(small, options as never));
  }
});

test.run();
