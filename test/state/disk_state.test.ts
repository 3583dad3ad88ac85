/** Jobs whose keyed state is on the disk: what the records see and what checkpoints hold is the same as on the heap. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type CheckpointStorage,
  job,
  type JobEvent,
  map,
  memorySink,
  memoryStorage,
  type Run,
  SluiceError,
  start,
  type StartOptions,
  type,
  value,
} from "../../mod.ts";
import type { OrderedStore } from "../../runtime/graph/ordered_store.ts";
import { loadLmdb } from "../../runtime/scratch/lmdb_module.ts";
import { loadSqlite } from "../../runtime/scratch/sqlite_module.ts";
import { anyEngine } from "../../runtime/scratch/stores.ts";
import { DiskKeyedStateBackend } from "../../runtime/state/disk_backend.ts";
import { HandSource, type Numbered } from "../scenarios/hand_source.ts";
import { skip } from "../skip.ts";
import { fails, Subject } from "./backend_subject.ts";
import { scratchFolder, StoreSequence, usableEngines } from "./disk_stores.ts";

const disk = suite("a job with its state on the disk");
const { usable, missing } = await usableEngines();

disk("where neither SQLite nor lmdb loads, the error says what is missing and what to do", async () => {
  const loads = [() => Promise.reject(new Error("Cannot find package")), () => Promise.resolve({})];
  for (const load of loads) {
    const engine = (of: (load: () => Promise<unknown>) => Promise<unknown>) => () => of(load) as Promise<never>;
    const error: unknown = await anyEngine({ sqlite: engine(loadSqlite), lmdb: engine(loadLmdb) }).then(
      () => undefined,
      (e) => e,
    );
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, "STATE_BACKEND_UNAVAILABLE");
    assert.match((error as SluiceError).message, "npm install lmdb");
    assert.match((error as SluiceError).message, "Node 22.13");
  }
});

disk("options that do not go together are refused", async () => {
  const refused = async (state: unknown, pattern: RegExp) => {
    const error: unknown = await start(new Counting(1).job, { state } as StartOptions).catch((error: unknown) => error);
    assert.match((error as SluiceError).message, pattern);
    assert.is((error as SluiceError).code, "BAD_OPTIONS");
  };
  await refused({ backend: "disk" }, /state\.directory must name a folder/);
  await refused({ backend: "tape" }, /state\.backend must be "heap" or "disk", not "tape"/);
  await refused({ directory: "x" }, /for state\.backend "disk" only/);
  await refused({ folder: "x" }, /no option state\.folder/);
});

/** Counts the records of each key, and how many there were of each split, and says when enough of them were seen. */
class Counting {
  readonly source = new HandSource("a", "b", "c");
  readonly sink = memorySink<string>();
  readonly job;
  seen = 0;
  #wanted = Infinity;
  #reached: () => void = () => {};

  constructor(keys: number) {
    this.job = job("counting", (flow) =>
      flow.from("in", this.source)
        .keyBy("key", ({ n }) => n % keys)
        .process("count", {
          state: { count: value(type<number>(), 0), bySplit: map(type<number>()) },
          emits: type<string>(),
          onRecord: ({ split, n }: Numbered, ctx) => {
            const { count, bySplit } = ctx.state;
            count.set(count.get() + 1);
            bySplit.set(split, (bySplit.get(split) ?? 0) + 1);
            ctx.emit(`${n % keys}: ${count.get()}, ${[...bySplit.entries()].reduce((sum, [, of]) => sum + of, 0)}`);
            if (++this.seen >= this.#wanted) this.#reached();
          },
        })
        .to("out", this.sink));
  }

  /** Lets go so many records of each split, and waits until they are processed. */
  async process(perSplit: number): Promise<void> {
    const reached = new Promise<void>((resolve) => this.#reached = resolve);
    this.#wanted = this.seen + perSplit * 3;
    this.source.give(perSplit);
    await reached;
  }

  /** What the sink must have, in any order: no record lost, none twice. */
  assertExact(keys: number, perSplit: number): void {
    const expected = Array.from({ length: perSplit * 3 }, (_, at) => {
      const n = Math.floor(at / 3);
      const count = 3 * Math.floor(n / keys) + at % 3 + 1;
      return `${n % keys}: ${count}, ${count}`;
    });
    assert.equal([...this.sink.values].sort(), expected.sort());
  }
}

async function figures(run: Run, id: number) {
  for await (const event of run.events) {
    if (event.kind === "checkpoint-completed" && event.checkpoint === id) {
      return (event as Extract<JobEvent, { kind: "checkpoint-completed" }>).figures;
    }
  }
  throw new Error(`checkpoint ${id} did not complete`);
}

/** An incremental checkpoint is taken up at another parallelism, perhaps on another backend. */
async function rescaled(before: StartOptions, after: StartOptions): Promise<void> {
  const keys = 600;
  const counting = new Counting(keys);
  const storage: CheckpointStorage = memoryStorage();
  const first = await start(counting.job, { ...before, parallelism: 2, checkpoints: { storage, mode: "aligned" } });
  await counting.process(900);
  await first.checkpoint();
  await counting.process(50);
  await first.checkpoint();
  await counting.process(50);
  const { writtenBytes, stateBytes } = await figures(first, await first.checkpoint());
  assert.ok(writtenBytes < stateBytes / 2, `${writtenBytes} of ${stateBytes} bytes: it has layers below`);
  await counting.process(50);
  await first.cancel();

  const second = await start(counting.job, { ...after, parallelism: 3, checkpoints: { storage, mode: "aligned" } });
  await counting.process(100);
  const third = second.checkpoint().then(() => second.rescale(1));
  await third;
  counting.source.end();
  await second.finished;
  counting.assertExact(keys, 1_150);
}

disk("on the heap, an incremental checkpoint is taken up at another parallelism with all its layers", async () => {
  await rescaled({}, {});
});

if (usable.length > 0) {
  const directory = scratchFolder();
  const onDisk: StartOptions = { state: { backend: "disk", directory: join(directory, "jobs") } };

  disk("an incremental checkpoint is taken up at another parallelism, exactly, on the disk and from or to the heap", async () => {
    await rescaled(onDisk, onDisk);
    await rescaled({}, onDisk);
    await rescaled(onDisk, {});
  });

  disk("its folder is scratch: what other attempts left is removed at the start, and its own at the end", async () => {
    const counting = new Counting(10);
    const folder = join(directory, "jobs", "counting");
    const left = await start(counting.job, onDisk);
    const [attempt] = readdirSync(folder);
    assert.equal(readdirSync(join(folder, attempt!)), ["count-0"]);
    await counting.process(10);
    await left.rescale(2);
    assert.not(existsSync(join(folder, attempt!)));
    counting.source.end();
    await left.finished;
    counting.assertExact(10, 10);
  });

  disk("a folder that cannot be written fails the start, with its name", async () => {
    const file = join(directory, "a-file");
    writeFileSync(file, "");
    const error: unknown = await start(new Counting(1).job, { state: { backend: "disk", directory: file } }).catch((e: unknown) =>
      e
    );
    assert.is((error as SluiceError).code, "STATE_BACKEND_FAILED");
    assert.match((error as SluiceError).message, "a-file");
  });

  const stores = await StoreSequence.in(join(directory, "stores"));

  disk("a disk that is full fails the use of the state, and nothing at hand is lost by it", () => {
    let full = false;
    const store = stores.next();
    const filling: OrderedStore = {
      get: (key) => store.get(key),
      range: (from, to, most) => store.range(from, to, most),
      reader: () => store.reader(),
      close: () => store.close(),
      write: (work) => {
        if (full) throw new SluiceError("STATE_BACKEND_FAILED", "the state backend cannot write: no space left on device");
        store.write(work);
      },
    };
    const limits = { changed: 4, loaded: 4, entries: 8, bytes: 1_000 };
    const subject = new Subject((options) => new DiskKeyedStateBackend(options, filling, limits), {
      n: value(type<number>(), 0),
    });
    for (let key = 0; key < 20; key++) subject.at(key).n.set(key);
    full = true;
    fails("STATE_BACKEND_FAILED", /no space left/, () => {
      for (let key = 20; key < 40; key++) subject.at(key).n.set(key);
    });
    fails("STATE_BACKEND_FAILED", /no space left/, () => subject.snapshot());
    full = false;
    for (let key = 0; key < 20; key++) assert.is(subject.at(key).n.get(), key);
    subject.backend.close();
  });

  disk("a key that is too long for it is refused by name", () => {
    const subject = new Subject((options) => new DiskKeyedStateBackend(options, stores.next()), { n: value(type<number>(), 0) });
    subject.at("x".repeat(900)).n.set(1);
    fails("STATE_KEY_TOO_LONG", /"xxx.*state n/, () => subject.at("x".repeat(2_000)).n.set(1));
    fails("STATE_KEY_TOO_LONG", /state n/, () => subject.at(["x".repeat(2_000), 1]).n.get());
    subject.backend.close();
  });

  disk("a snapshot that is being written outlives its backend", () => {
    const store = stores.next();
    const subject = new Subject((options) => new DiskKeyedStateBackend(options, store), { n: value(type<number>(), 0) });
    for (let key = 0; key < 1_000; key++) subject.at(key).n.set(key);
    const part = subject.backend.snapshot({});
    const slices = part.slices()[Symbol.iterator]();
    slices.next();
    subject.backend.close();
    subject.backend.close();
    let bytes = 0;
    for (let next = slices.next(); next.done !== true; next = slices.next()) bytes += next.value.length;
    assert.ok(bytes > 5_000);
    part.release?.();
    fails("STATE_BACKEND_FAILED", /closed/, () => store.get(new Uint8Array(1)));
  });
} else {
  skip(missing.join("; "));
}

disk.run();
