import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Disk, DiskError, type DiskFault } from "../../actors/disk.ts";

/** A disk to test, and an empty folder on it. */
export interface DiskUnderTest {
  readonly disk: Disk;
  readonly folder: string;
  readonly dispose: () => Promise<void>;
}

/** What every `Disk` promises. Runs the suite under `name`. */
export function diskConformance(name: string, make: () => Promise<DiskUnderTest>): void {
  const conformance = suite(`disk: ${name}`);

  const test = (sentence: string, body: (disk: Disk, folder: string) => Promise<void>): void =>
    conformance(sentence, async () => {
      const { disk, folder, dispose } = await make();
      try {
        await body(disk, folder);
      } finally {
        await dispose();
      }
    });

  test("reads what was written, in the order of the calls", async (disk, folder) => {
    const writer = await disk.openWrite(`${folder}/file`);
    const writes = [text("one "), text("two "), new Uint8Array(100_000).fill(7), text("three")].map((part) => writer.write(part));
    await Promise.all(writes);
    await writer.sync();
    await writer.close();
    const bytes = await disk.read(`${folder}/file`);
    assert.is(bytes.length, 100_013);
    assert.is(new TextDecoder().decode(bytes.subarray(0, 8)), "one two ");
    assert.is(new TextDecoder().decode(bytes.subarray(-5)), "three");
    assert.is(await disk.size(`${folder}/file`), 100_013);
    bytes.fill(0);
    assert.is((await disk.read(`${folder}/file`))[0], 0x6f);
  });

  test("reads ranges, shorter only at the end of the file", async (disk, folder) => {
    await write(disk, `${folder}/file`, "0123456789");
    const range = async (offset: number, length: number): Promise<string> =>
      new TextDecoder().decode(await disk.readRange(`${folder}/file`, offset, length));
    assert.is(await range(0, 4), "0123");
    assert.is(await range(3, 4), "3456");
    assert.is(await range(8, 4), "89");
    assert.is(await range(10, 4), "");
    assert.is(await range(50, 4), "");
    assert.is(await range(2, 0), "");
  });

  test("empties a file that is opened again, and keeps it when appending", async (disk, folder) => {
    await write(disk, `${folder}/file`, "first");
    await write(disk, `${folder}/file`, "x");
    assert.is(await read(disk, `${folder}/file`), "x");
    await write(disk, `${folder}/file`, "yz", true);
    assert.is(await read(disk, `${folder}/file`), "xyz");
    await write(disk, `${folder}/other`, "new", true);
    assert.is(await read(disk, `${folder}/other`), "new");
  });

  test("lists names sorted by code unit, folders among them", async (disk, folder) => {
    for (const name of ["b", "a", "B", "a10", "a9", "ä"]) await write(disk, `${folder}/${name}`, "");
    await disk.makeDirectory(`${folder}/c/d/e`);
    await disk.makeDirectory(`${folder}/c/d`);
    assert.equal(await disk.list(folder), ["B", "a", "a10", "a9", "b", "c", "ä"]);
    assert.equal(await disk.list(`${folder}/c`), ["d"]);
    assert.equal(await disk.list(`${folder}/c/d/e`), []);
  });

  test("renames over what stands there", async (disk, folder) => {
    await write(disk, `${folder}/a`, "new");
    await write(disk, `${folder}/b`, "old");
    await disk.rename(`${folder}/a`, `${folder}/b`);
    assert.is(await read(disk, `${folder}/b`), "new");
    assert.equal(await disk.list(folder), ["b"]);
    await disk.makeDirectory(`${folder}/sub`);
    await disk.rename(`${folder}/b`, `${folder}/sub/b`);
    assert.equal(await disk.list(folder), ["sub"]);
    await disk.syncDirectory(`${folder}/sub`);
    await disk.syncDirectory(folder);
  });

  test("links a second name to the same file, and never over a name that is taken", async (disk, folder) => {
    await write(disk, `${folder}/a`, "one");
    await disk.link(`${folder}/a`, `${folder}/b`);
    await write(disk, `${folder}/a`, "+", true);
    assert.is(await read(disk, `${folder}/b`), "one+");
    await fails("exists", `${folder}/b`, disk.link(`${folder}/a`, `${folder}/b`));
    await disk.remove(`${folder}/a`);
    assert.is(await read(disk, `${folder}/b`), "one+");
  });

  test("lets exactly one of many links to one name succeed", async (disk, folder) => {
    const sources = Array.from({ length: 8 }, (_, index) => `${folder}/source-${index}`);
    for (const source of sources) await write(disk, source, source);
    const outcomes = await Promise.allSettled(sources.map((source) => disk.link(source, `${folder}/target`)));
    assert.is(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
  });

  test("removes files and empty folders, and takes missing ones for removed", async (disk, folder) => {
    await write(disk, `${folder}/a`, "x");
    await disk.makeDirectory(`${folder}/sub`);
    await write(disk, `${folder}/sub/b`, "x");
    await fails("exists", `${folder}/sub`, disk.removeDirectory(`${folder}/sub`));
    await disk.remove(`${folder}/sub/b`);
    await disk.removeDirectory(`${folder}/sub`);
    await disk.remove(`${folder}/a`);
    await disk.remove(`${folder}/a`);
    await disk.remove(`${folder}/nowhere/a`);
    await disk.removeDirectory(`${folder}/sub`);
    assert.equal(await disk.list(folder), []);
  });

  test("says what is missing", async (disk, folder) => {
    const missing = `${folder}/missing`;
    await fails("missing", missing, disk.read(missing));
    await fails("missing", missing, disk.readRange(missing, 0, 1));
    await fails("missing", missing, disk.size(missing));
    await fails("missing", missing, disk.list(missing));
    await fails("missing", missing, disk.syncDirectory(missing));
    await fails("missing", `${missing}/file`, disk.openWrite(`${missing}/file`));
    await fails("missing", `${folder}/to`, disk.rename(missing, `${folder}/to`));
    await fails("missing", `${folder}/to`, disk.link(missing, `${folder}/to`));
  });

  test("does not take a file for a folder, nor a folder for a file", async (disk, folder) => {
    await write(disk, `${folder}/file`, "x");
    await fails("io", folder, disk.read(folder));
    await fails("io", folder, disk.openWrite(folder));
    await fails("io", `${folder}/file`, disk.list(`${folder}/file`));
    await fails("io", `${folder}/file`, disk.removeDirectory(`${folder}/file`));
    await fails("exists", `${folder}/file`, disk.makeDirectory(`${folder}/file`));
    await fails("io", `${folder}/file/sub`, disk.makeDirectory(`${folder}/file/sub`));
    await fails("io", `${folder}/file/sub`, disk.openWrite(`${folder}/file/sub`));
    assert.is(await read(disk, `${folder}/file`), "x");
  });

  test("closes a file twice, and writes nothing after that", async (disk, folder) => {
    const writer = await disk.openWrite(`${folder}/file`);
    const last = writer.write(text("x"));
    await writer.close();
    await writer.close();
    await last;
    await fails("io", `${folder}/file`, writer.write(text("y")));
    await fails("io", `${folder}/file`, writer.sync());
    assert.is(await read(disk, `${folder}/file`), "x");
  });

  conformance.run();
}

export function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export async function read(disk: Disk, path: string): Promise<string> {
  return new TextDecoder().decode(await disk.read(path));
}

export async function write(disk: Disk, path: string, content: string, append: boolean = false): Promise<void> {
  const writer = await disk.openWrite(path, { append });
  await writer.write(text(content));
  await writer.sync();
  await writer.close();
}

export async function fails(fault: DiskFault, path: string, work: Promise<unknown>): Promise<void> {
  const error: unknown = await work.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, DiskError, `${path}: nothing failed`);
  assert.is((error as DiskError).code, fault, (error as DiskError).message);
  assert.is((error as DiskError).path, path);
  assert.ok((error as DiskError).message.includes(path));
}
