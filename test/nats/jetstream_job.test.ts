import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { silent } from "../../actors/logger.ts";
import { job, start, type, value } from "../../mod.ts";
import { jetStreamSink, jetStreamSource } from "../../runtime/nats/mod.ts";
import { skip } from "../skip.ts";
import { jetStreamWorld } from "./jetstream_world.ts";
import { findNatsServer } from "./server.ts";

interface Click {
  readonly user: string;
  readonly n: number;
}

interface Count extends Click {
  readonly count: number;
}

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const jobs = suite("jobs on JetStream");

  for (const mode of ["aligned", "unaligned"] as const) {
    for (const atomic of [true, false]) {
      jobs(
        `${mode}, ${atomic ? "atomic batches" : "one by one"}: crashes lose and repeat nothing in the output stream`,
        async () => {
          const { server, addStream, publish, read, end } = await jetStreamWorld();
          await addStream({ name: "CLICKS", subjects: ["clicks.>"] });
          await addStream({ name: "COUNTS", subjects: ["counts.>"], allow_atomic: atomic });
          const clicks = (from: number, to: number) =>
            Array.from({ length: to - from }, (_, i) => ({ user: `u${(from + i) % 7}`, n: from + i }));
          await publish("clicks.a", ...clicks(0, 300));
          const nats = { servers: server.url };
          let crashes = 0;
          const counting = job("clicks", (flow) => {
            flow.from("clicks", jetStreamSource<Click>({ nats, stream: "CLICKS", batch: 16 }))
              .map((click) => {
                if (crashes < 2 && click.n === 100 + 120 * crashes) {
                  crashes++;
                  throw new Error("injected");
                }
                return click;
              })
              .keyBy("user", ({ user }) => user)
              .process("count", {
                state: { seen: value(Type.Number(), 0) },
                emits: type<Count>(),
                onRecord(click, ctx) {
                  ctx.state.seen.set(ctx.state.seen.get() + 1);
                  ctx.emit({ ...click, count: ctx.state.seen.get() });
                },
              })
              .to("out", jetStreamSink({ nats, stream: "COUNTS", subject: ({ user }: Count) => `counts.${user}` }));
          });
          const run = await start(counting, {
            parallelism: 2,
            log: silent,
            checkpoints: { mode, intervalMs: 20 },
            restart: { kind: "fixed-delay", delayMs: 1, maxRestarts: 5 },
          });
          await publish("clicks.b", ...clicks(300, 600));
          let seen = await read("COUNTS") as readonly Count[];
          for (let looks = 0; seen.length < 600 && looks < 300; looks++) {
            await run.checkpoint();
            seen = await read("COUNTS") as readonly Count[];
          }
          await run.stop();
          seen = await read("COUNTS") as readonly Count[];
          assert.is(crashes, 2);
          assert.equal(seen.map(({ n }) => n).sort((a, b) => a - b), Array.from({ length: 600 }, (_, n) => n));
          for (let user = 0; user < 7; user++) {
            const own = seen.filter((click) => click.user === `u${user}`);
            assert.equal(own.map(({ count }) => count), own.map((_, index) => index + 1), `u${user} counted once each, in order`);
          }
          await end();
        },
      );
    }
  }

  jobs.run();
}
