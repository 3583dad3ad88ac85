import type { Random } from "../../actors/random.ts";
import { type FaultEvent, type FaultKind, faultKinds } from "./fault.ts";

/** Where faults can happen in a run. */
export interface FaultGround {
  /** How long the run takes without faults, about, in milliseconds. */
  readonly spanMs: number;
  /** Its processes. */
  readonly processes: readonly string[];
  /** Whether they talk over a network. */
  readonly networked: boolean;
  /** The uids of the job's sources and sinks; `transactional` of those sinks that prepare and commit. */
  readonly sources: readonly string[];
  readonly sinks: readonly string[];
  readonly transactional: readonly string[];
  /** Kinds that cannot happen here. */
  readonly without: readonly FaultKind[];
}

/** Kinds that need a network. */
export const ofNetworks: readonly FaultKind[] = ["corrupt", "delay", "disconnect", "duplicate", "loss", "partition"];

/** Which kinds can happen on a ground at all. */
export function possibleKinds(ground: FaultGround): readonly FaultKind[] {
  return faultKinds.filter((kind) => !ground.without.includes(kind) && (ground.networked || !ofNetworks.includes(kind)));
}

/**
 * Draws the fault schedule of a run. Each kind is absent, rare or frequent for the whole run: some runs know one kind only,
 * some are full of everything. A kind draws under its own name: leaving one out changes nothing about the others.
 */
export function drawFaults(random: Random, kinds: readonly FaultKind[], ground: FaultGround): readonly FaultEvent[] {
  const possible = possibleKinds(ground).filter((kind) => kinds.includes(kind));
  if (possible.length === 0) return [];
  const sure = random.fork("sure").pick(possible);
  const events: FaultEvent[] = [];
  for (const kind of possible) {
    const own = random.fork(kind);
    const often = own.pick([0, 0, 0, 1, 1, 3]);
    const times = kind === sure ? Math.max(1, often) : often;
    for (let i = 0; i < times; i++) events.push(drawFault(own, kind, ground));
  }
  return events.sort((a, b) => a.at - b.at);
}

function drawFault(random: Random, kind: FaultKind, ground: FaultGround): FaultEvent {
  const { spanMs, processes, sources, sinks, transactional } = ground;
  const at = rounded((0.1 + random.next()) * spanMs);
  // Most are short beside the run; some last so long that whoever waits must give up.
  const forMs = rounded((0.2 + random.next()) * spanMs * random.pick([0.1, 0.3, 0.3, 1]));
  const of = random.pick(processes);
  switch (kind) {
    case "delay":
      return { kind, at, forMs, meanMs: rounded(random.next() * spanMs * random.pick([0.01, 0.05])) };
    case "loss":
      return { kind, at, forMs, rate: random.pick([0.05, 0.3]), burstMs: random.pick([1, 10]) };
    case "duplicate":
      return { kind, at, forMs, rate: random.pick([0.05, 0.5]) };
    case "corrupt":
      return { kind, at, forMs, rate: random.pick([0.05, 0.2]) };
    case "partition": {
      const from = processes.length === 1 ? [of] : processes.filter(() => random.chance(0.5));
      return {
        kind,
        at,
        forMs,
        from: from.length === 0 || from.length === processes.length ? [of] : from,
        oneWay: random.chance(0.3),
      };
    }
    case "disconnect":
      return random.chance(0.5) ? { kind, at, forMs } : { kind, at, forMs, of };
    case "crash":
    case "pause":
      return { kind, at, forMs, of };
    case "power-failure":
    case "disk-full":
      return { kind, at, forMs };
    case "clock-jump":
      return {
        kind,
        at,
        of,
        byMs: rounded((random.chance(0.5) ? 1 : -1) * random.pick([spanMs, 3_600_000, 2 * 3_600_000 * random.next()])),
      };
    case "disk-error":
      return { kind, at, forMs, rate: random.pick([0.05, 0.3]) };
    case "torn-write":
      return { kind, at, forMs, rate: random.pick([0.2, 0.8]) };
    case "slow-disk":
      return { kind, at, forMs, byMs: rounded(random.next() * spanMs * random.pick([0.02, 0.2])) };
    case "exception": {
      const places = [
        ...sources.map((uid) => ({ uid, where: "poll" as const })),
        ...sinks.map((uid) => ({ uid, where: "write" as const })),
        ...transactional.flatMap((uid) => [{ uid, where: "prepare" as const }, { uid, where: "commit" as const }]),
      ];
      return { kind, at, ...random.pick(places) };
    }
    case "rescale":
      return { kind, at, parallelism: 1 + random.int(4) };
  }
}

/** To a microsecond: short in JSON, and the same after reading it back. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
