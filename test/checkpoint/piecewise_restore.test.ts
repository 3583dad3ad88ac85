/** A restore reads what it needs in pieces, and checks each, so that memory need not hold a whole checkpoint. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Disk } from "../../actors/disk.ts";
import { silent } from "../../actors/logger.ts";
import { settled, SimulatedDisk, VirtualClock } from "../../actors/simulation/mod.ts";
import { type Job, job, memorySink, SluiceError, start, type, value } from "../../mod.ts";
import { ExtentReader } from "../../runtime/checkpoint/extent_reader.ts";
import type { Extent } from "../../runtime/checkpoint/manifest.ts";
import { HandSource, type Numbered } from "../scenarios/hand_source.ts";

const pieces = suite("piecewise restore");

pieces("a run of extents reads as if they were joined, and each extent is read once in a walk", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(40), fc.nat(20)), { maxLength: 8 }),
    async (lengths, reads) => {
      const whole = Uint8Array.from({ length: lengths.reduce((sum, length) => sum + length, 0) }, (_, n) => n + 1);
      let offset = 0;
      const extents = lengths.map((bytes): Extent => ({ file: 0, offset: (offset += bytes) - bytes, bytes, checksum: 0 }));
      let count = 0;
      const reader = new ExtentReader(extents, async (extent) => {
        count++;
        return whole.slice(extent.offset, extent.offset + extent.bytes);
      });
      assert.is(reader.length, whole.length);
      for (const [from, length] of reads) {
        if (from + length <= whole.length) {
          assert.equal([...await reader.read(from, length)], [...whole.slice(from, from + length)]);
        } else assert.instance(await reader.read(from, length).catch((error: unknown) => error), RangeError);
      }
      count = 0;
      for (let at = 0; at < whole.length; at++) await reader.read(at, 1);
      assert.ok(count <= extents.length);
    },
  );
  await fc.assert(property, { seed: 5, numRuns: 200 });
});

interface Kept {
  readonly source: HandSource;
  readonly job: Job;
  readonly sink: { readonly values: readonly string[] };
  /** All keys have been processed once. */
  readonly filled: Promise<void>;
}

/** About 5 MB of state in 50 keys, unless told otherwise. */
function kept(textLength: number = 100_000): Kept {
  const source = new HandSource("a");
  const sink = memorySink<string>();
  const text = "x".repeat(textLength);
  let seen = 0;
  let fill: () => void = () => {};
  const filled = new Promise<void>((resolve) => fill = resolve);
  return {
    filled,
    source,
    sink,
    job: job("kept", (flow) =>
      flow.from("in", source)
        .keyBy("key", ({ n }) => n % 50)
        .process("keep", {
          state: { it: value(type<string>(), "") },
          emits: type<string>(),
          onRecord({ n }: Numbered, ctx) {
            ctx.emit(`${n}: ${ctx.state.it.get().length}`);
            ctx.state.it.set(ctx.state.it.get() + n + text);
            if (++seen === 50) fill();
          },
        })
        .to("out", sink)),
  };
}

/** A run on a simulated disk, stopped with a checkpoint of everything. */
async function stopped(it: Kept, disk: Disk): Promise<void> {
  it.source.give(50);
  const run = await start(it.job, { disk, checkpoints: { directory: "/checkpoints" } });
  await it.filled;
  await run.stop();
}

/** A disk that says what is read of data files, and perhaps falsifies it. */
function watched(disk: Disk, read: (length: number) => boolean, whole: () => void): Disk {
  return new Proxy(disk, {
    get(target, name) {
      if (name === "readRange") {
        return async (path: string, offset: number, length: number) => {
          const bytes = await target.readRange(path, offset, length);
          if (!/data-\d+$/.test(path) || read(length)) return bytes;
          return bytes.map((byte, at) => at === 10 ? byte ^ 1 : byte);
        };
      }
      if (name === "read") {
        return (path: string) => {
          if (/data-\d+$/.test(path)) whole();
          return target.read(path);
        };
      }
      const method: unknown = Reflect.get(target, name);
      return typeof method === "function" ? method.bind(target) : method;
    },
  });
}

pieces("a restore reads no data file whole, and nothing in pieces of more than a mebibyte", async () => {
  const disk = new SimulatedDisk();
  const it = kept();
  await stopped(it, disk);
  const lengths: number[] = [];
  let wholes = 0;
  const seen = watched(disk, (length) => lengths.push(length) > 0, () => wholes++);
  const run = await start(it.job, { disk: seen, checkpoints: { directory: "/checkpoints" } });
  it.source.give(50);
  it.source.end();
  await run.finished;
  assert.is(wholes, 0);
  assert.ok(lengths.length > 8);
  assert.ok(Math.max(...lengths) <= 1024 * 1024, `${Math.max(...lengths)} bytes at once`);
  assert.equal(
    [...it.sink.values].filter((line) => /^[5-9]\d:/.test(line)).map((line) => Number(line.split(": ")[1]) > 100_000),
    [
      ...Array(50).keys(),
    ].map(() => true),
  );
});

pieces("the data of a small checkpoint is read once, to be checked and to be used, however many pieces it has", async () => {
  const disk = new SimulatedDisk();
  const it = kept(10);
  await stopped(it, disk);
  const lengths: number[] = [];
  const seen = watched(disk, (length) => lengths.push(length) > 0, () => {});
  const run = await start(it.job, { disk: seen, checkpoints: { directory: "/checkpoints" } });
  it.source.give(50);
  it.source.end();
  await run.finished;
  assert.is(lengths.length, 1);
  assert.is([...it.sink.values].filter((line) => /^[5-9]\d: 1[12]$/.test(line)).length, 50);
});

pieces("a restore may take longer than handlerTimeoutMs, while more and more is read", async () => {
  const disk = new SimulatedDisk();
  const it = kept();
  await stopped(it, disk);
  const clock = new VirtualClock();
  let reads = 0;
  const slow = new Proxy(watched(disk, () => true, () => {}), {
    get(target, name) {
      const method = Reflect.get(target, name) as (...given: readonly unknown[]) => unknown;
      if (name !== "readRange") return method;
      return async (...given: readonly unknown[]) => {
        reads++;
        await new Promise<void>((resolve) => void clock.setTimer(400, resolve));
        return await method(...given);
      };
    },
  });
  const run = start(it.job, {
    disk: slow,
    clock,
    log: silent,
    handlerTimeoutMs: 1_000,
    checkpoints: { directory: "/checkpoints" },
  });
  let over = false;
  const playing = (async () => {
    while (!over) {
      await settled();
      clock.runNext();
    }
  })();
  it.source.end();
  await (await run).finished;
  over = true;
  await playing;
  assert.ok(reads > 10, `${reads} reads took ${reads * 400} ms`);
});

pieces("what has changed between the check and the load is refused, before any record is processed", async () => {
  const disk = new SimulatedDisk();
  const it = kept();
  await stopped(it, disk);
  const before = it.sink.values.length;
  // The file is read through once to be checked; what comes after that is wrong.
  let bytes = 0;
  const turning = watched(disk, (length) => (bytes += length) < 6_500_000, () => {});
  it.source.give(10);
  const error: unknown = await start(it.job, { disk: turning, checkpoints: { directory: "/checkpoints" } })
    .then(() => undefined, (error: unknown) => error);
  assert.instance(error, SluiceError);
  assert.is((error as SluiceError).code, "CHECKPOINT_DAMAGED");
  assert.match((error as SluiceError).message, /keep.*the checksum of \d+ bytes from \d+ in data-\d+ is wrong/);
  assert.is(it.sink.values.length, before);
});

pieces.run();
