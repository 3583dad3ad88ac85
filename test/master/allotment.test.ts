import { setImmediate } from "node:timers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointStorage, forEach, generate, type Job, job, memoryStorage, SluiceError, start } from "../../mod.ts";

const allotment = suite("the numbers of an attempt");

/** A job that says how many of its records were made. */
function counted(): { readonly job: Job; made: number } {
  const it = {
    made: 0,
    job: job("counted", (flow) => {
      flow.from("numbers", generate({ count: 10, splits: 1, make: (n) => (it.made++, n) })).to("out", forEach(() => {}));
    }),
  };
  return it;
}

/** A storage whose attempts are allotted when `allot` settles, and that notes what it is asked. */
function slowToAllot(storage: CheckpointStorage, allot: Promise<void>, asked: string[]): CheckpointStorage {
  return {
    location: storage.location,
    async open(name) {
      const store = await storage.open(name);
      return new Proxy(store, {
        get(target, name) {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== "function") return method;
          return (...given: unknown[]) => {
            asked.push(String(name));
            if (name !== "reserve") return Reflect.apply(method, target, given);
            return allot.then(() => Reflect.apply(method, target, given));
          };
        },
      });
    },
  };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};

allotment("what it starts from is read meanwhile, but nothing runs before they are durable", async () => {
  const storage = memoryStorage();
  {
    await using before = await start(counted().job, { checkpoints: { storage } });
    await before.finished;
  }
  const asked: string[] = [];
  let allot: () => void = () => {};
  const allotted = new Promise<void>((resolve) => allot = resolve);
  const it = counted();
  const starting = start(it.job, { checkpoints: { storage: slowToAllot(storage, allotted, asked) } });
  await turns();
  assert.ok(asked.includes("manifest") && asked.indexOf("reserve") < asked.indexOf("manifest"), asked.join(" "));
  assert.not(asked.includes("createData"));
  assert.is(it.made, 0);
  const others = asked.filter((name) =>
    !["record", "reserve", "list", "manifest", "verify", "readData", "readRange"].includes(name)
  );
  assert.equal(others, [], "nothing is changed either");
  allot();
  await (await starting).finished;
});

allotment("where they cannot be made durable nothing runs, and that is said", async () => {
  const it = counted();
  const full = Promise.reject(new SluiceError("CHECKPOINTS_UNUSABLE", "the disk is full"));
  full.catch(() => {});
  const error: unknown = await start(it.job, { checkpoints: { storage: slowToAllot(memoryStorage(), full, []) } })
    .then(() => undefined, (error: unknown) => error);
  assert.match(String(error), /the disk is full/);
  assert.is(it.made, 0);
});

/** A job that fails at its first record, once. */
function failingOnce(): Job {
  let fails = true;
  return job("failing", (flow) => {
    flow.from("numbers", generate({ count: 10, splits: 1, make: (n) => n })).map((n) => {
      if (fails) {
        fails = false;
        throw new Error("on purpose");
      }
      return n;
    }).to("out", forEach(() => {}));
  });
}

/** A storage that notes which attempts are allotted, and whose n-th try to do so may fail. */
function noted(asked: number[], failing?: number): CheckpointStorage {
  const storage = memoryStorage();
  return {
    location: storage.location,
    async open(name) {
      const store = await storage.open(name);
      const { reserve } = store;
      store.reserve = async (record) => {
        asked.push(record.attempt);
        if (asked.length === failing) throw new SluiceError("CHECKPOINTS_UNUSABLE", "the disk is full");
        return await reserve.call(store, record);
      };
      return store;
    },
  };
}

allotment("those of the next attempt are made durable while the failed one stops", async () => {
  const asked: number[] = [];
  const restart = { kind: "fixed-delay", maxRestarts: 1, delayMs: 3_600_000 } as const;
  const run = await start(failingOnce(), { checkpoints: { storage: noted(asked) }, restart, log: () => {} });
  for await (const { kind } of run.events) if (kind === "restarting") break;
  assert.equal(asked, [1, 2]);
  await run.cancel();
});

allotment("where that fails, it is tried again when the attempt is made", async () => {
  const asked: number[] = [];
  const restart = { kind: "fixed-delay", maxRestarts: 1, delayMs: 0 } as const;
  const run = await start(failingOnce(), { checkpoints: { storage: noted(asked, 2) }, restart, log: () => {} });
  await run.finished;
  assert.equal(asked.slice(0, 3), [1, 2, 2]);
});

allotment.run();
