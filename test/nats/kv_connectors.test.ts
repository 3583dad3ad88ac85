import { suite } from "uvu";
import * as assert from "uvu/assert";
import { kvSink, kvSource } from "../../runtime/nats/mod.ts";
import { readAll, readSplit } from "../connectors/connector_world.ts";
import { skip } from "../skip.ts";
import { jetStreamWorld } from "./jetstream_world.ts";
import { findNatsServer } from "./server.ts";

interface Total {
  readonly airport: string;
  readonly flights: number;
}

const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const kv = suite("KV connectors");

  kv("a sink keeps the latest record of each key, and a replay comes to the same", async () => {
    const { server, nats, world, end } = await jetStreamWorld();
    const bucket = await nats.jetstream().views.kv("totals");
    const sink = kvSink<Total>({
      nats: { servers: server.url },
      bucket: "totals",
      key: ({ airport }) => `us.${airport}`,
      data: (total) => total.flights === 0 ? undefined : new TextEncoder().encode(JSON.stringify(total)),
    });
    for (let attempt = 1; attempt <= 2; attempt++) {
      const writer = await world.done(sink.open(world.sink({ attempt })));
      for (let flights = 1; flights <= 300; flights++) {
        await world.done(writer.write({ airport: `A${flights % 7}`, flights }));
      }
      await world.done(writer.write({ airport: "A3", flights: 0 }));
      await world.done(writer.flush!());
      for (const airport of ["A0", "A1", "A2", "A4", "A5", "A6"]) {
        const last = [300, 299, 298, 297, 296, 295, 294].find((flights) => `A${flights % 7}` === airport);
        assert.is((await bucket.get(`us.${airport}`))?.json<Total>().flights, last, airport);
      }
      assert.is((await bucket.get("us.A3"))?.operation, "DEL");
      await world.done(writer.close());
    }
    await end();
  });

  kv("a sink without its bucket, and a key that is none, are said", async () => {
    const { server, nats, world, end } = await jetStreamWorld();
    const options = { nats: { servers: server.url }, bucket: "none", key: (value: string) => value };
    const missing = await world.done(kvSink(options).open(world.sink())).then(() => assert.unreachable(), (error) => error);
    assert.is(missing.code, "BUCKET_MISSING", String(missing));
    await nats.jetstream().views.kv("some");
    const writer = await world.done(kvSink({ ...options, bucket: "some" }).open(world.sink()));
    assert.throws(() => writer.write("a b"), (error: Error) => /sink out: "a b" is no key/.test(error.message));
    await world.done(writer.close());
    await end();
  });

  kv("a source gives what the bucket holds, then its changes, and replays from any of them", async () => {
    const { server, nats, world, end } = await jetStreamWorld();
    const bucket = await nats.jetstream().views.kv("state", { history: 5 });
    await bucket.put("a", "1");
    await bucket.put("b", "2");
    await bucket.put("a", "3");
    await bucket.delete("b");
    const source = kvSource({
      nats: { servers: server.url },
      bucket: "state",
      untilNow: true,
      record: ({ key, kind, value, revision }) => ({ key, said: kind === "put" ? text(value) : "-", revision }),
    });
    const all = [
      { key: "a", said: "1", revision: 1 },
      { key: "b", said: "2", revision: 2 },
      { key: "a", said: "3", revision: 3 },
      { key: "b", said: "-", revision: 4 },
    ];
    assert.equal(await readAll(world, source), all);
    const [split] = await world.done(source.splits(world.source()));
    const reads = await readSplit(world, source, split!);
    const rest = await readSplit(world, source, split!, { position: reads[1]!.position });
    assert.equal(rest.map(({ value }) => value), all.slice(2));
    await end();
  });

  kv.run();
}
