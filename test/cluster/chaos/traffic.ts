import type { NatsConnection } from "nats";
import type { Random } from "../../../actors/random.ts";
import type { Numbered } from "./jobs/keyed.ts";

/** Publishes numbered records to the stream IN, on four subjects, at a rate, whatever happens to the server. */
export class Traffic {
  readonly #nats: NatsConnection;
  readonly #random: Random;
  readonly #perSecond: number;
  #stopped = false;
  #published = 0;
  #extra = 0;
  #over: Promise<void> = Promise.resolve();

  constructor(nats: NatsConnection, random: Random, perSecond: number) {
    this.#nats = nats;
    this.#random = random;
    this.#perSecond = perSecond;
  }

  begin(): void {
    this.#over = this.#run();
  }

  /** How many the server has confirmed. */
  get published(): number {
    return this.#published + this.#extra;
  }

  /** Publishes a record with which an operator does something else than to count. */
  async send(what: Omit<Numbered, "key" | "n">): Promise<void> {
    this.#extra++;
    const record: Numbered = { key: "k0", n: 1_000_000_000 + this.#extra, ...what };
    await this.#nats.jetstream().publish("in.0", new TextEncoder().encode(JSON.stringify(record)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#over;
  }

  /** In steps of 20 ms; each record is confirmed, and tried again under its id until it is. */
  async #run(): Promise<void> {
    const jetstream = this.#nats.jetstream({ timeout: 1_000 });
    const begin = performance.now();
    while (!this.#stopped) {
      const due = Math.floor((performance.now() - begin) / 1_000 * this.#perSecond) - this.#published;
      const batch = Array.from({ length: Math.min(due, 200) }, (_, index) => this.#published + index);
      for (let left = batch; left.length > 0;) {
        const sent = left.map(async (n) => {
          const key = n % 23; // always on the same subject, so that its records have an order
          const data = new TextEncoder().encode(JSON.stringify({ key: `k${key}`, n }));
          await jetstream.publish(`in.${key % 4}`, data, { msgID: `m-${n}` });
        });
        const done = await Promise.allSettled(sent);
        left = left.filter((_, index) => done[index]?.status === "rejected");
        if (left.length > 0) await pause(100);
      }
      this.#published += batch.length;
      await pause(20 + this.#random.int(5));
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
