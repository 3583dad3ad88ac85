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
  const others = asked.filter((name) => !["record", "reserve", "list", "manifest", "verify", "readRange"].includes(name));
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

allotment.run();
