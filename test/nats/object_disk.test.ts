import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { systemClock } from "../../actors/system_clock.ts";
import { connectNats } from "../../runtime/nats/mod.ts";
import { ObjectDisk } from "../../runtime/nats/object_disk.ts";
import { fails, read, text, write } from "../disk/conformance.ts";
import { skip } from "../skip.ts";
import { findNatsServer, NatsServer } from "./server.ts";

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const disks = suite("files in NATS");
  const test = (title: string, body: (disk: ObjectDisk, open: () => Promise<ObjectDisk>, server: NatsServer) => Promise<void>) =>
    disks(title, async () => {
      const server = await NatsServer.start({ jetstream: true });
      const nats = await connectNats({ servers: server.url });
      let opened = 0;
      const open = () => {
        const random = new SeededRandom(`disk ${opened++}`);
        return ObjectDisk.open(nats, { name: "sluice_test", clock: systemClock, random });
      };
      try {
        await body(await open(), open, server);
      } finally {
        await nats.close();
        await server.stop();
      }
    });

  test("a file is read as it was written, whole or in ranges across blocks, by another process too", async (disk, open) => {
    const bytes = new Uint8Array(2_500_000).map((_, index) => (index * 31) >>> 3);
    const writer = await disk.openWrite("state/job/chk-1-1/data-1.tmp");
    for (let at = 0; at < bytes.length; at += 700_001) await writer.write(bytes.subarray(at, at + 700_001));
    await fails("missing", "state/job/chk-1-1/data-1.tmp", disk.size("state/job/chk-1-1/data-1.tmp"));
    await writer.sync();
    await writer.close();
    await disk.rename("state/job/chk-1-1/data-1.tmp", "state/job/chk-1-1/data-1");
    const other = await open();
    assert.is(await other.size("state/job/chk-1-1/data-1"), bytes.length);
    assert.equal(await other.read("state/job/chk-1-1/data-1"), bytes);
    for (const [offset, length] of [[0, 10], [1_048_570, 20], [1_000_000, 1_400_000], [2_499_990, 50], [3_000_000, 5]] as const) {
      const range = await other.readRange("state/job/chk-1-1/data-1", offset, length);
      assert.equal(range, bytes.subarray(offset, offset + length), `${offset}+${length}`);
    }
    assert.equal(await other.list("state/job"), ["chk-1-1"]);
    assert.equal(await other.list("state/job/chk-1-1"), ["data-1"]);
    await other.remove("state/job/chk-1-1/data-1");
    await fails("missing", "state/job", disk.list("state/job"));
  });

  test("a file that is written again is the new one, and what stood at the name of a renamed one is gone", async (disk) => {
    await write(disk, "a.b/c_d", "first");
    await write(disk, "a.b/c_d", "second");
    assert.is(await read(disk, "a.b/c_d"), "second");
    await write(disk, "a.b/ä", "third");
    await disk.rename("a.b/ä", "a.b/c_d");
    assert.is(await read(disk, "a.b/c_d"), "third");
    assert.equal(await disk.list("a.b"), ["c_d"]);
    await disk.remove("a.b/nothing");
    await fails("missing", "x", disk.rename("nothing", "x"));
    await write(disk, "empty", "");
    assert.is((await disk.read("empty")).length, 0);
  });

  test("what is closed without a sync is nothing, and appending is refused", async (disk) => {
    const writer = await disk.openWrite("dropped");
    await writer.write(text("x"));
    await writer.close();
    await writer.close();
    await fails("missing", "dropped", disk.read("dropped"));
    await fails("io", "dropped", writer.write(text("y")));
    await fails("io", "dropped", writer.sync());
    await fails("denied", "a", disk.openWrite("a", { append: true }));
  });

  test("a second name has a copy of its own, is never that of another file, and is given to one of many", async (disk) => {
    const bytes = new Uint8Array(2_300_000).map((_, index) => (index * 7) >>> 2);
    const writer = await disk.openWrite("nats:/from");
    await writer.write(bytes);
    await writer.sync();
    await disk.link("nats:/from", "nats:/to");
    await disk.remove("from");
    assert.equal(await disk.read("to"), bytes);
    await write(disk, "other", "x");
    await fails("exists", "to", disk.link("other", "to"));
    assert.equal(await disk.read("to"), bytes);
    await fails("missing", "there", disk.link("nothing", "there"));
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => disk.link("other", "one")));
    assert.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.is(await read(disk, "one"), "x");
  });

  test("a server that restarts in the middle is waited for", async (disk, _open, server) => {
    await write(disk, "before", "1");
    await server.kill();
    const writing = write(disk, "during", "2");
    await server.start();
    await writing;
    assert.is(await read(disk, "during"), "2");
    assert.is(await read(disk, "before"), "1");
  });

  disks.run();
}
