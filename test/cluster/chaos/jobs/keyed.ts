import { existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { job, type, value } from "../../../../mod.ts";
import { jetStreamSink, jetStreamSource } from "../../../../runtime/nats/mod.ts";

/** What is put in, and what comes out of it: by key, with how many of the key came before and how many of its group. */
export interface Numbered {
  readonly key: string;
  readonly n: number;
  /** For how long the operator that gets it blocks the event loop. */
  readonly blockMs?: number;
  /** What the operator that gets it does to its process, if a file is not there yet, which it makes. */
  readonly once?: { readonly file: string; readonly deed: "hoard" | "forget" };
}
export interface Counted extends Numbered {
  readonly count: number;
  readonly ofGroup: number;
}

const nats = { servers: (process.env["NATS_URL"] ?? "").split(",") };

/** Runs out of memory, or forgets a promise that rejects. */
function undergo({ file, deed }: NonNullable<Numbered["once"]>): void {
  if (existsSync(file)) return;
  writeFileSync(file, "");
  if (deed === "forget") return void Promise.reject(new Error("forgotten by operator keys"));
  for (const hoard: object[] = [];;) hoard.push(Array.from({ length: 10_000 }, (_, n) => ({ n })));
}

/** Two steps by key, so that records and barriers cross between workers twice. */
export default job("keyed", (flow) => {
  flow.from("in", jetStreamSource<Numbered>({ nats, stream: "IN", subjects: ["in.0", "in.1", "in.2", "in.3"] }))
    .keyBy("group", ({ key }) => key.slice(0, 2))
    .process("groups", {
      state: { seen: value(type<number>(), 0) },
      emits: type<Numbered & { readonly ofGroup: number }>(),
      onRecord(record, ctx) {
        ctx.state.seen.set((ctx.state.seen.get() ?? 0) + 1);
        ctx.emit({ ...record, ofGroup: ctx.state.seen.get() ?? 0 });
      },
    })
    .keyBy("key", ({ key }) => key)
    .process("keys", {
      state: { seen: value(type<number>(), 0) },
      emits: type<Counted>(),
      onRecord(record, ctx) {
        if (record.once !== undefined) undergo(record.once);
        for (const until = performance.now() + (record.blockMs ?? 0); performance.now() < until;);
        ctx.state.seen.set((ctx.state.seen.get() ?? 0) + 1);
        ctx.emit({ ...record, count: ctx.state.seen.get() ?? 0 });
      },
    })
    .to("out", jetStreamSink({ nats, stream: "OUT", subject: ({ key }: Counted) => `out.${key}` }));
});
