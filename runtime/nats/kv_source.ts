import type { NatsConnection } from "nats";
import { checkOneOf, checkText, checkWhole } from "../connectors/option.ts";
import type { Source } from "../graph/source.ts";
import { jetStreamSource } from "./jetstream_source.ts";
import type { NatsOptions } from "./connect.ts";
import type { DataLossPolicy, StreamPosition } from "./stream_position.ts";

/** What happened to a key of a bucket. */
export interface KvChange {
  readonly key: string;
  readonly kind: "put" | "deleted";
  /** The value that was put; empty for a deletion. */
  readonly value: Uint8Array;
  readonly revision: number;
  /** When the server stored it, in milliseconds since the Unix epoch. */
  readonly timestampMs: number;
}

/** What a KV source can be told. */
export interface KvSourceOptions<T> {
  readonly nats: NatsOptions | NatsConnection;
  readonly bucket: string;
  /** Makes the record of a change. @default the change itself */
  readonly record?: (change: KvChange) => T;
  /** What happens when changes that come next are no longer in the bucket's history. @default "earliest" */
  readonly onDataLoss?: DataLossPolicy;
  /** Ends at the change that was the last one when the job began. @default false */
  readonly untilNow?: boolean;
  /** How many changes are asked for at a time. @default 512 */
  readonly batch?: number;
}

/**
 * The changes of a bucket of NATS, by revision: what it holds, then every change.
 *
 * A bucket keeps only so many values of a key as its history says, so changes that were overwritten before they were read cannot
 * be replayed: by default the source goes on with what there is, the newest value of each key always among it.
 *
 * @throws {SluiceError} as `jetStreamSource`; a bucket that is not there is `STREAM_MISSING`
 */
export function kvSource<T = KvChange>(options: KvSourceOptions<T>): Source<T, StreamPosition> {
  const owner = "kvSource";
  checkText(owner, "bucket", options.bucket);
  checkWhole(owner, "batch", options.batch, 1);
  checkOneOf(owner, "onDataLoss", options.onDataLoss, ["fail", "earliest"]);
  const { bucket, record, nats, onDataLoss = "earliest", untilNow, batch } = options;
  const prefix = `$KV.${bucket}.`;
  return jetStreamSource<T>({
    nats,
    stream: `KV_${bucket}`,
    onDataLoss,
    ...(untilNow === undefined ? {} : { untilNow }),
    ...(batch === undefined ? {} : { batch }),
    record: ({ subject, data, sequence, timestampMs, header }) => {
      const kind = header("KV-Operation").length > 0 ? "deleted" : "put";
      const change: KvChange = { key: subject.slice(prefix.length), kind, value: data, revision: sequence, timestampMs };
      return record === undefined ? change as T : record(change);
    },
  });
}
