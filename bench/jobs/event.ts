/** The event of all throughput and latency workloads: record n is a function of n. */
export interface BenchEvent {
  readonly key: number;
  readonly seq: number;
  readonly ts: number;
  readonly value: number;
  readonly payload: string;
}

export const keys = 1_000;
const payloads = Array.from({ length: 1_024 }, (_, i) => `payload-${i}-`.padEnd(32, "x"));
const firstMinute = Math.floor(1_700_000_000_000 / 60_000) * 60_000;

/** Murmur3's 32-bit finalizer. */
export function finalize(n: number): number {
  let h = n | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function makeEvent(n: number): BenchEvent {
  const h = finalize(n);
  return { key: h % keys, seq: n, ts: firstMinute + n / 100, value: h & 1023, payload: payloads[n & 1023] as string };
}

/** What the map of keyed-count makes of an event. */
export function mapEvent(event: BenchEvent): BenchEvent {
  return { key: event.key, seq: event.seq, ts: event.ts, value: event.value + 1, payload: event.payload };
}
