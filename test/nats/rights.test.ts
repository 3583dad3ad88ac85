/** Row 41 of the fault matrix, for jobs: what a user may not do at NATS is said by subject, with what to grant, after one try. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { silent } from "../../actors/logger.ts";
import { job, memorySink, type Sink, type SluiceError, start } from "../../mod.ts";
import { connectNats, jetStreamSink, jetStreamSource, kvSink, type NatsOptions } from "../../runtime/nats/mod.ts";
import { skip } from "../skip.ts";
import { findNatsServer, NatsServer } from "./server.ts";

interface Numbered {
  readonly n: number;
}

/** Users of one account, by what they are denied. */
const users = {
  everything: {},
  info: { publish: { deny: ["$JS.API.STREAM.INFO.IN"] } },
  create: { publish: { deny: ["$JS.API.CONSUMER.CREATE.>"] } },
  next: { publish: { deny: ["$JS.API.CONSUMER.MSG.NEXT.>"] } },
  answers: { subscribe: { allow: ["_INBOX_mine.>"] } },
  out: { publish: { deny: ["out.a", "batch.b"] } },
  marks: { publish: { deny: ["out._sluice.>"] } },
  bucket: { publish: { deny: ["$KV.totals.>"] } },
} as const;

type User = keyof typeof users;

const listed = Object.entries(users).map(([user, permissions]) =>
  `{ user: ${user}, password: p, permissions: ${JSON.stringify({ publish: { allow: [">"] }, ...permissions })} }`
);
const config = `accounts { A { jetstream: enabled, users: [${listed.join(", ")}] } }`;

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const rights = suite("rights at NATS");
  const test = (title: string, body: (as: (user: User, more?: NatsOptions) => NatsOptions) => Promise<void>) =>
    rights(title, async () => {
      const server = await NatsServer.start({ jetstream: true, config });
      const as = (user: User, more: NatsOptions = {}) => ({ servers: server.url, user, password: "p", ...more });
      const nats = await connectNats(as("everything"));
      const manager = await nats.jetstreamManager();
      await manager.streams.add({ name: "IN", subjects: ["in.>"] });
      await manager.streams.add({ name: "OUT", subjects: ["out.>"] });
      await manager.streams.add({ name: "BATCH", subjects: ["batch.>"], ...{ allow_atomic: true } });
      await nats.jetstream().views.kv("totals");
      for (let n = 0; n < 6; n++) await nats.jetstream().publish("in.a", JSON.stringify({ n }));
      try {
        await body(as);
      } finally {
        await nats.close();
        await server.stop();
      }
    });

  /** What a job from the stream IN into a sink comes to. */
  const outcome = async (nats: NatsOptions, sink: Sink<Numbered>) => {
    const copying = job("copying", (flow) => {
      flow.from("in", jetStreamSource<Numbered>({ nats, stream: "IN", untilNow: true })).to("out", sink);
    });
    const begin = performance.now();
    let error: SluiceError | undefined;
    try {
      const run = await start(copying, {
        log: silent,
        checkpoints: { intervalMs: 20 },
        restart: { kind: "fixed-delay", delayMs: 60_000, maxRestarts: 3 }, // another attempt would be seen
      });
      await run.finished;
    } catch (thrown) {
      error = thrown as SluiceError;
    }
    return { error, tookMs: performance.now() - begin };
  };

  const refused = ({ error, tookMs }: Awaited<ReturnType<typeof outcome>>, says: RegExp): void => {
    const denial = error?.code === "COMMIT_FAILED" ? error.cause as SluiceError : error; // of what was open at the end of input
    assert.is(denial?.code, "NATS_DENIED", `${error}`);
    assert.match(error?.message ?? "", says);
    assert.ok(tookMs < 10_000, `it took ${tookMs} ms to say so`);
  };

  test("fault 41: a source says which part of the JetStream API it is denied", async (as) => {
    const api = (tail: string) =>
      new RegExp(
        String.raw`source in lacks rights at NATS: it may not publish on "\$JS\.API\.${tail}[^"]*": ` +
          String.raw`grant its user publish on that, or on "\$JS\.API\.>"`,
      );
    refused(await outcome(as("info"), memorySink()), api(String.raw`STREAM\.INFO\.IN`));
    refused(await outcome(as("create"), memorySink()), api(String.raw`CONSUMER\.CREATE\.IN`));
    refused(await outcome(as("next"), memorySink()), api(String.raw`CONSUMER\.MSG\.NEXT\.IN`));
  });

  test("fault 41: where answers may not come, an inbox prefix that may be subscribed to helps", async (as) => {
    refused(
      await outcome(as("answers"), memorySink()),
      /may not subscribe on "_INBOX_.*give one that its user may subscribe under/,
    );
    const out = memorySink<Numbered>();
    assert.is((await outcome(as("answers", { inboxPrefix: "_INBOX_mine" }), out)).error, undefined);
    assert.is(out.values.length, 6);
  });

  test("fault 41: a sink says which subject it is denied, before it has published anything where it can know", async (as) => {
    const to = (user: User, stream: string, subject: string | ((value: Numbered) => string)) =>
      jetStreamSink<Numbered>({ nats: as(user), stream, subject });
    const sinkOut = /sink out lacks rights at NATS: it may not publish on "out\.a": grant its user publish on that$/;
    refused(await outcome(as("everything"), to("out", "OUT", "out.a")), sinkOut);
    const plain = jetStreamSink<Numbered>({ nats: as("out"), stream: "OUT", subject: "out.a", delivery: "at-least-once" });
    refused(await outcome(as("everything"), plain), sinkOut);
    const marks = /sink out lacks rights.*may not publish on "out\._sluice\.[0-9a-f]+\.0"/;
    refused(await outcome(as("everything"), to("marks", "OUT", () => "out.b")), marks);
  });

  test("fault 41: a subject that depends on the record is denied at its commit, once", async (as) => {
    const to = (stream: string, subject: (value: Numbered) => string) =>
      jetStreamSink<Numbered>({ nats: as("out"), stream, subject });
    const one = await outcome(as("everything"), to("OUT", ({ n }) => n === 3 ? "out.a" : "out.b"));
    refused(one, /a sink of stream OUT lacks rights.*may not publish on "out\.a"/);
    // In a batch only its first and last message are answered.
    const batch = await outcome(as("everything"), to("BATCH", ({ n }) => n === 3 ? "batch.b" : "batch.c"));
    refused(batch, /lacks rights.*may not publish on "batch\.b"/);
    const bucket = kvSink<Numbered>({ nats: as("bucket"), bucket: "totals", key: ({ n }) => `k${n}` });
    const kept = await outcome(as("everything"), bucket);
    refused(kept, /sink out lacks rights.*may not publish on "\$KV\.totals\.k\d": grant .*, or on "\$KV\.totals\.>"/);
  });

  rights.run();
}
