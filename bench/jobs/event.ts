/** The event of all throughput and latency workloads: record n is a function of n, and the same in the programs in `peers/`. */
export interface BenchEvent {
  readonly key: number;
  readonly seq: number;
  readonly ts: number;
  readonly value: number;
  readonly payload: string;
}

export const keys = 1_000;
/** A whole minute: the event time of record 0. */
export const firstMs = 1_700_000_040_000;
const payloads = Array.from({ length: 1_024 }, (_, i) => hex(mix(BigInt(i))) + hex(mix(~BigInt(i))));

/** The 64-bit finalizer of splitmix64. */
function mix(n: bigint): bigint {
  let z = BigInt.asUintN(64, n + 0x9e37_79b9_7f4a_7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}

function hex(n: bigint): string {
  return n.toString(16).padStart(16, "0");
}

/** Murmur3's 32-bit finalizer. */
export function finalize(n: number): number {
  let h = n | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 10,000 records a second of event time. */
export function makeEvent(n: number): BenchEvent {
  const h = finalize(n);
  return {
    key: keyOf(h, keys),
    seq: n,
    ts: firstMs + Math.floor(n / 10),
    value: h & 1023,
    payload: payloads[n & 1023] as string,
  };
}

/** As {@link makeEvent}, with another number of keys. */
export function eventsOf(keys: number): (n: number) => BenchEvent {
  return (n) => {
    const h = finalize(n);
    const ts = firstMs + Math.floor(n / 10);
    return { key: keyOf(h, keys), seq: n, ts, value: h & 1023, payload: payloads[n & 1023] as string };
  };
}

/** Unsigned on both sides: else an engine may divide doubles, which takes as long as all the rest. */
function keyOf(hash: number, keys: number): number {
  return (hash >>> 0) % (keys >>> 0) | 0;
}

/** What the map of keyed-count makes of an event. */
export function mapEvent(event: BenchEvent): BenchEvent {
  return { key: event.key, seq: event.seq, ts: event.ts, value: event.value + 1, payload: event.payload };
}
