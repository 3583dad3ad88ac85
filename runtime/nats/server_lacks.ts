import type { NatsConnection } from "nats";

/** What Sluice uses where the server has it: since which version, and what it does without. */
const features = [
  {
    since: [2, 12],
    lacks: "atomic batches: JetStream sinks publish one by one, under ids that are looked for after a crash",
  },
] as const;

/** What the server of a version lacks, in words; nothing for a version that makes no sense. */
export function lacksOf(version: string): readonly string[] {
  const [, major, minor] = /^v?(\d+)\.(\d+)\b/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return [];
  const older = ([since, of]: readonly [number, number]) =>
    Number(major) < since || (Number(major) === since && Number(minor) < of);
  return features.filter(({ since }) => older(since)).map(({ since: [a, b], lacks }) => `${lacks} (from ${a}.${b} on)`);
}

/** The server that a connection is with: its version, and what it lacks, in words. */
export interface NatsServer {
  readonly version: string;
  readonly lacks: readonly string[];
}

export function serverOf(connection: NatsConnection): NatsServer {
  const version = connection.info?.version ?? "unknown";
  return { version, lacks: lacksOf(version) };
}
