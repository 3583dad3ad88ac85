import type { StreamInfo } from "nats";
import { SluiceError } from "../../actors/error.ts";
import type { SourceContext } from "../graph/source.ts";

/** Where a reader of a stream is. A plain value: it is what checkpoints keep. */
export interface StreamPosition {
  /** When the stream was created: a stream of the same name with another time is another stream. */
  readonly created: string;
  /** The last sequence that was emitted or passed over. */
  readonly sequence: number;
  /** Bounded readers end behind this sequence. */
  readonly until: number | undefined;
}

/** What happens when messages that should come next are no longer in the stream. */
export type DataLossPolicy = "fail" | "earliest";

/**
 * Checks that a stream still has what comes after a position. Never skips silently: what is missing fails, or is counted as
 * `messagesLost` and said.
 *
 * @returns the sequence to go on behind
 * @throws {SluiceError} `SOURCE_POSITION_LOST` for a stream that was deleted and made anew, that has lost its tail, or that has
 * purged what comes next (unless the policy is `earliest`)
 */
export function checkPosition(
  info: StreamInfo,
  position: StreamPosition,
  policy: DataLossPolicy,
  context: SourceContext,
): number {
  const { name } = info.config;
  const { first_seq: first, last_seq: last } = info.state;
  const lost = (what: string, remedy: string): SluiceError =>
    new SluiceError("SOURCE_POSITION_LOST", `source ${context.uid}: stream ${name} ${what}; ${remedy}`);
  if (createdAt(info) !== position.created) {
    throw lost(
      `was created at ${createdAt(info)}, the snapshot was taken of one of ${position.created}: it is another stream`,
      "restore the stream from a backup, or start without the snapshot",
    );
  }
  if (last < position.sequence) {
    throw lost(
      `ends at sequence ${last}, but ${position.sequence} was read before: the server has lost its tail`,
      "its sequences will be given to other messages, so start without the snapshot, or from one that ends before",
    );
  }
  const missing = first - position.sequence - 1;
  if (missing <= 0) return position.sequence;
  const what = `begins at sequence ${first}, but ${position.sequence + 1} comes next: up to ${missing} messages are gone`;
  if (policy === "fail") throw lost(what, 'set onDataLoss: "earliest" to go on without them');
  context.count("messagesLost", missing);
  context.log({ level: "warn", from: context.uid, message: `stream ${name} ${what}; goes on at ${first}` });
  return first - 1;
}

/** When a stream was created, as the server says it. */
export function createdAt(info: StreamInfo): string {
  return String(info.created);
}

/** @throws {SluiceError} `SOURCE_POSITION_INVALID` for anything that is no position in a stream */
export function checkIsPosition(position: unknown, uid: string): void {
  const { created, sequence, until } = Object(position) as Partial<StreamPosition>;
  const isCount = (value: unknown) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  if (typeof created === "string" && isCount(sequence) && (until === undefined || isCount(until))) return;
  throw new SluiceError(
    "SOURCE_POSITION_INVALID",
    `source ${uid}: the snapshot holds no position in a stream: it was taken with another source under this uid`,
  );
}
