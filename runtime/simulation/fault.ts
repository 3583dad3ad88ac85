import { type Static, Type } from "@sinclair/typebox";

const At = Type.Number({ minimum: 0 });
const For = Type.Number({ minimum: 0 });
const Rate = Type.Number({ minimum: 0, maximum: 1 });
const Name = Type.String({ minLength: 1 });

/**
 * One event of a fault schedule, as plain JSON. `at` is when it begins, `forMs` how long it lasts, in virtual milliseconds
 * since the run began; `of` and `from` name processes. What an event draws besides is drawn under its own name, so that taking
 * other events out of a schedule changes nothing about it.
 */
export const FaultEvent = Type.Union([
  /** Messages take `meanMs` longer on average. */
  Type.Object({ kind: Type.Literal("delay"), at: At, forMs: For, meanMs: Type.Number({ minimum: 0 }) }),
  /**
   * With each message a burst of loss begins with probability `rate`, in which a link loses everything, for `burstMs` on average.
   */
  Type.Object({ kind: Type.Literal("loss"), at: At, forMs: For, rate: Rate, burstMs: Type.Number({ minimum: 0 }) }),
  /** Messages arrive twice with probability `rate`. */
  Type.Object({ kind: Type.Literal("duplicate"), at: At, forMs: For, rate: Rate }),
  /** A bit of a message is flipped with probability `rate`. */
  Type.Object({ kind: Type.Literal("corrupt"), at: At, forMs: For, rate: Rate }),
  /** Nothing gets from `from` to the others and, unless `oneWay`, back. */
  Type.Object({ kind: Type.Literal("partition"), at: At, forMs: For, from: Type.Array(Name), oneWay: Type.Boolean() }),
  /** The connections break, of one process or, without `of`, all: as when the broker restarts. */
  Type.Object({ kind: Type.Literal("disconnect"), at: At, forMs: For, of: Type.Optional(Name) }),
  /** A process ends as by `kill -9`, and is started again after `forMs`. */
  Type.Object({ kind: Type.Literal("crash"), at: At, forMs: For, of: Name }),
  /** Everything loses power: what was written and not synced may be lost, or torn. */
  Type.Object({ kind: Type.Literal("power-failure"), at: At, forMs: For }),
  /** A process stands still as by SIGSTOP, and then goes on as if nothing had happened. */
  Type.Object({ kind: Type.Literal("pause"), at: At, forMs: For, of: Name }),
  /** The wall clock of a process's machine is set. */
  Type.Object({ kind: Type.Literal("clock-jump"), at: At, byMs: Type.Number(), of: Name }),
  /** Whatever needs room on the disk fails. */
  Type.Object({ kind: Type.Literal("disk-full"), at: At, forMs: For }),
  /** Disk operations fail, without effect, with probability `rate`. */
  Type.Object({ kind: Type.Literal("disk-error"), at: At, forMs: For, rate: Rate }),
  /** Writes fail after a part of their bytes, with probability `rate`. */
  Type.Object({ kind: Type.Literal("torn-write"), at: At, forMs: For, rate: Rate }),
  /** Every disk operation takes `byMs` longer. */
  Type.Object({ kind: Type.Literal("slow-disk"), at: At, forMs: For, byMs: Type.Number({ minimum: 0 }) }),
  /** The next call of one of the job's sources or sinks throws. */
  Type.Object({
    kind: Type.Literal("exception"),
    at: At,
    uid: Name,
    where: Type.Union([Type.Literal("poll"), Type.Literal("write"), Type.Literal("prepare"), Type.Literal("commit")]),
  }),
  /** The job goes on with another parallelism. */
  Type.Object({ kind: Type.Literal("rescale"), at: At, parallelism: Type.Integer({ minimum: 1 }) }),
]);
export type FaultEvent = Readonly<Static<typeof FaultEvent>>;

/** What can go wrong in a simulated run. */
export type FaultKind = FaultEvent["kind"];

/** Every kind of fault, in the order of the alphabet. */
export const faultKinds: readonly FaultKind[] = [
  "clock-jump",
  "corrupt",
  "crash",
  "delay",
  "disconnect",
  "disk-error",
  "disk-full",
  "duplicate",
  "exception",
  "loss",
  "partition",
  "pause",
  "power-failure",
  "rescale",
  "slow-disk",
  "torn-write",
];

/** When a fault is over. */
export function endOf(event: FaultEvent): number {
  return event.at + ("forMs" in event ? event.forMs : 0);
}
