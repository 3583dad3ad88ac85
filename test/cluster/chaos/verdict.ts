import type { NatsConnection } from "nats";
import { OrderedMessages } from "../../../runtime/nats/ordered_messages.ts";
import type { Counted, Numbered } from "./jobs/keyed.ts";

/** What an independent look at both streams comes to. */
export interface Verdict {
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Records of a key that came before an earlier one of the same key, or whose count is not their place. */
  readonly disordered: number;
}

/** Compares the output stream with the input stream, by nothing but what stands in them; `say` gets what is wrong, in part. */
export async function verdict(nats: NatsConnection, say: (line: string) => void = () => {}): Promise<Verdict> {
  const given = await byKey<Numbered>(nats, "IN", "in.*");
  const shown = await byKey<Counted>(nats, "OUT", "out.*");
  const sum = { records: 0, lost: 0, duplicated: 0, disordered: 0 };
  let examples = 0;
  const note = (what: "lost" | "duplicated" | "disordered", message: object): void => {
    sum[what]++;
    if (examples++ < 20) say(`${what}: ${JSON.stringify(message)}`);
  };
  for (const key of new Set([...given.keys(), ...shown.keys()])) {
    const wanted = given.get(key) ?? [];
    const place = new Map(wanted.map(({ n }, index) => [n, index]));
    const seen = new Set<number>();
    sum.records += place.size;
    let last = -1;
    for (const record of shown.get(key) ?? []) {
      if (seen.has(record.n)) {
        note("duplicated", record);
        continue;
      }
      seen.add(record.n);
      const at = place.get(record.n) ?? -1;
      if (at < last || record.count !== seen.size) note("disordered", record);
      last = at;
    }
    for (const record of wanted) if (!seen.has(record.n)) note("lost", record);
  }
  if (examples > 0) { for (const line of await marks(nats)) say(line); }
  return sum;
}

/** The first marks of what sinks have shown: where each stands. */
async function marks(nats: NatsConnection): Promise<readonly string[]> {
  const messages = new OrderedMessages(nats, { stream: "OUT", filter: "out._sluice.>", batch: 60, pullMs: 1_000 }, 0);
  const lines: string[] = [];
  await messages.pull((message) => lines.push(`mark ${message.seq} ${message.subject} ${message.string()}`) < 60);
  await messages.close();
  return lines;
}

/** The records of a stream by key, in the order of the stream, with their sequences. */
async function byKey<T extends Numbered>(nats: NatsConnection, stream: string, filter: string) {
  const records = new Map<string, (T & { readonly sequence: number })[]>();
  const manager = await nats.jetstreamManager();
  const { state } = await manager.streams.info(stream);
  const messages = new OrderedMessages(nats, { stream, filter, batch: 1_000, pullMs: 1_000 }, 0);
  for (let at = 0, empty = 0; at < state.last_seq && empty < 2;) {
    const came = await messages.pull((message) => {
      at = message.seq;
      const record = { ...message.json<T>(), sequence: at };
      const of = records.get(record.key);
      if (of === undefined) records.set(record.key, [record]);
      else of.push(record);
      return true;
    });
    empty = came === 0 ? empty + 1 : 0;
  }
  await messages.close();
  return records;
}
