import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DiskError } from "../../actors/disk.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { diskConformance, fails, read, text, write } from "./conformance.ts";

diskConformance("simulated", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("/work/here");
  return { disk, folder: "/work/here", dispose: () => Promise.resolve() };
});

const simulated = suite("simulated disk");

const seeds = Array.from({ length: 200 }, (_, seed) => seed);
const seeded = (seed: number): SimulatedDisk => new SimulatedDisk({ random: new SeededRandom(seed) });

/** How many of 200 seeds gave each outcome. */
async function outcomes(run: (seed: number) => Promise<string>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const seed of seeds) {
    const outcome = await run(seed);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}

simulated("keeps in every crash what was synced and whose name was synced", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    await disk.makeDirectory("/data");
    await disk.syncDirectory("/");
    await write(disk, "/data/file", "kept");
    await disk.syncDirectory("/data");
    const after = disk.crash();
    return await read(after, "/data/file");
  });
  assert.equal([...seen.keys()], ["kept"]);
});

simulated("loses names that were not synced in some crashes, and keeps them in others", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    await write(disk, "/a", "1");
    await write(disk, "/b", "2");
    return [...disk.crash().files().keys()].join();
  });
  assert.equal([...seen.keys()].sort(), ["", "/a", "/a,/b", "/b"]);
});

simulated("loses a folder with all that was synced in it when its own name was not", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    await disk.makeDirectory("/data");
    await write(disk, "/data/file", "x");
    await disk.syncDirectory("/data");
    return [...disk.crash().files().keys()].join();
  });
  assert.equal([...seen.keys()].sort(), ["", "/data/file"]);
});

simulated("tears what was written but not synced", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    const writer = await disk.openWrite("/file");
    await writer.write(text("x".repeat(700)));
    await writer.sync();
    await disk.syncDirectory("/");
    await writer.write(text("y".repeat(2_000)));
    const content = await read(disk.crash(), "/file");
    assert.ok(content.startsWith("x".repeat(700)), "lost what was synced");
    const rest = content.slice(700);
    assert.match(rest, /^[y\0]*$/);
    if (rest.includes("\0")) return "hole";
    return rest.length === 2_000 ? "all" : rest.length === 0 ? "nothing" : "part";
  });
  for (const outcome of ["hole", "all", "part"]) assert.ok((seen.get(outcome) ?? 0) > 5, `${outcome} was rare`);
});

simulated("leaves an empty file when a rename is durable before the bytes are", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    await write(disk, "/file", "old");
    await disk.syncDirectory("/");
    const writer = await disk.openWrite("/new");
    await writer.write(text("new"));
    await writer.close();
    await disk.rename("/new", "/file");
    await disk.syncDirectory("/");
    return await read(disk.crash(), "/file");
  });
  assert.ok(seen.has(""), "never empty");
  assert.ok(seen.has("new"), "never whole");
  assert.not.ok(seen.has("old"));
});

simulated("keeps a rename whole: old or new, never both, never neither", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    await disk.makeDirectory("/other");
    await write(disk, "/file", "content");
    await disk.syncDirectory("/");
    await disk.rename("/file", "/other/file");
    const after = disk.crash();
    return [...after.files().keys()].join();
  });
  assert.equal([...seen.keys()].sort(), ["/file", "/other/file"]);
});

simulated("syncs with one folder the earlier changes that its renames depend on", async () => {
  for (const seed of seeds) {
    const disk = seeded(seed);
    await disk.makeDirectory("/a");
    await disk.makeDirectory("/b");
    await disk.syncDirectory("/");
    await write(disk, "/a/x", "1");
    await disk.rename("/a/x", "/b/x");
    await disk.syncDirectory("/b");
    assert.equal([...disk.crash().files().keys()], ["/b/x"]);
  }
});

simulated("does not bring a removed name back once its folder was synced, and may before", async () => {
  const run = (sync: boolean) =>
    outcomes(async (seed) => {
      const disk = seeded(seed);
      await write(disk, "/file", "x");
      await disk.syncDirectory("/");
      await disk.remove("/file");
      if (sync) await disk.syncDirectory("/");
      return [...disk.crash().files().keys()].join();
    });
  assert.equal([...(await run(true)).keys()], [""]);
  assert.equal([...(await run(false)).keys()].sort(), ["", "/file"]);
});

simulated("fails the power at the operation it is told to, which may or may not have happened", async () => {
  const seen = await outcomes(async (seed) => {
    const disk = seeded(seed);
    await write(disk, "/file", "old");
    await write(disk, "/new", "new");
    await disk.syncDirectory("/");
    disk.failPowerAt(disk.operations + 2);
    await disk.rename("/new", "/file");
    await fails("io", "/", disk.syncDirectory("/"));
    await fails("io", "/file", disk.read("/file"));
    assert.not.ok(disk.alive);
    return await read(disk.crash(), "/file");
  });
  assert.ok((seen.get("old") ?? 0) > 20);
  assert.ok((seen.get("new") ?? 0) > 20);
});

simulated("lets a killed process change nothing any more, and loses nothing of what it wrote", async () => {
  const disk = new SimulatedDisk();
  const process = disk.handle();
  const writer = await process.openWrite("/file");
  await writer.write(text("written"));
  process.detach();
  await fails("io", "/file", writer.write(text("more")));
  await fails("io", "/file", process.remove("/file"));
  assert.is(await read(disk, "/file"), "written");
});

simulated("is full beyond its capacity until something is removed", async () => {
  const disk = new SimulatedDisk({ capacityBytes: 10 });
  await write(disk, "/a", "123456");
  const writer = await disk.openWrite("/b");
  await fails("full", "/b", writer.write(text("12345")));
  await fails("full", "/b", writer.sync());
  await writer.close();
  await disk.remove("/a");
  await write(disk, "/b", "1234567890");
});

simulated("draws faults at the given rates, the same for the same seed", async () => {
  const run = async (seed: number): Promise<string> => {
    const disk = new SimulatedDisk({
      random: new SeededRandom(seed),
      rates: { full: 0.05, io: 0.05, torn: 0.1, bitFlip: 0.1 },
    });
    const log: string[] = [];
    for (let index = 0; index < 200; index++) {
      const note = (error: unknown): void => void log.push(error instanceof DiskError ? error.code : "?");
      const writer = await disk.openWrite(`/file-${index}`).catch(note);
      if (writer === undefined) continue;
      await writer.write(text("0123456789")).catch(note);
      await writer.close();
      log.push(new TextDecoder().decode(disk.files().get(`/file-${index}`)));
    }
    return log.join(" ");
  };
  const first = await run(3);
  assert.is(first, await run(3));
  assert.is.not(first, await run(4));
  assert.match(first, / full /);
  assert.match(first, / io 012345? /);
});

simulated("lets single operations fail by rule", async () => {
  const disk = new SimulatedDisk();
  disk.inject = ({ action, path }) => action === "sync" && path.endsWith(".dat") ? "io" : undefined;
  await write(disk, "/a.txt", "x");
  const writer = await disk.openWrite("/a.dat");
  await writer.write(text("x"));
  await fails("io", "/a.dat", writer.sync());
  await fails("io", "/a.dat", writer.write(text("y")));
  await writer.close();
});

simulated("takes time on a clock, and keeps a file's writes in order", async () => {
  const clock = new VirtualClock();
  const disk = new SimulatedDisk({ clock, minLatencyMs: 1, maxLatencyMs: 50, random: new SeededRandom(5) });
  let done = false;
  const work = (async () => {
    const writer = await disk.openWrite("/file");
    await Promise.all(["a", "b", "c", "d"].map((part) => writer.write(text(part))));
    await writer.close();
    done = true;
  })();
  await clock.advance(5);
  assert.not.ok(done);
  await clock.advance(500);
  await work;
  assert.is(new TextDecoder().decode(disk.files().get("/file")), "abcd");
});

simulated("damages files as told", async () => {
  const disk = new SimulatedDisk();
  await write(disk, "/file", "abc");
  disk.flipBit("/file", 8);
  assert.is(await read(disk, "/file"), "acc");
  disk.truncate("/file", 1);
  assert.is(await read(disk, "/file"), "a");
});

simulated("refuses latencies out of range", () => {
  assert.throws(() => new SimulatedDisk({ minLatencyMs: 5, maxLatencyMs: 1 }), /latencies of 5 to 1 ms/);
});

simulated.run();
