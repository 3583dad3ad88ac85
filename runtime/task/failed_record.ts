import { crc32 } from "../../actors/checksum.ts";
import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { maxValueDepth } from "../../actors/exactness.ts";
import { isBlameless } from "../graph/blameless.ts";
import { finalize32, hex, mix32 } from "../graph/hash.ts";
import { hashKey, type Key } from "../graph/key.ts";

/** A record whose processing failed, told from others without being shown. */
export interface FailedRecord {
  /** The operator that could not process it. */
  readonly uid: string;
  /** A hash of what it holds and of its event time, the same in every attempt: 16 hexadecimal digits. */
  readonly hash: string;
  /** A hash of its key, 8 hexadecimal digits; undefined where the operator has none. */
  readonly keyHash: string | undefined;
}

/** A record that an operator was given. */
export interface GivenRecord {
  readonly value: unknown;
  /** Its event time; NaN without one. */
  readonly timestamp: number;
}

/** What goes wrong while a record is processed, but on account of something else: an earlier record, or the world. */
const otherCauses = new Set([
  "UNENCODABLE_VALUE",
  "RECORD_TOO_LARGE",
  "OUTPUT_OVERDRAWN",
  "STATE_MUTATED",
  "STALE_CONTEXT",
  "HANDLER_TIMEOUT",
  "SINK_FAILED",
  "JETSTREAM_COMMIT_FAILED",
  "JETSTREAM_REFUSED",
  "NATS_DENIED",
  "NATS_REFUSED",
  "NATS_UNREACHABLE",
  "REQUEST_TIMEOUT",
  "STREAM_MISSING",
  "TRANSPORT_CLOSED",
]);

/**
 * The record that an error is due to; undefined where it cannot be told from others, or where something else may be to blame.
 * Nothing in here throws.
 */
export function failedRecord(
  operator: { readonly uid: string; readonly keyOf?: ((value: never) => unknown) | undefined },
  { value, timestamp }: GivenRecord,
  error: unknown,
): FailedRecord | undefined {
  if (isBlameless(error) || (error instanceof SluiceError && otherCauses.has(error.code))) return undefined;
  const hash = recordHash(value, timestamp);
  return hash === undefined ? undefined : { uid: operator.uid, hash, keyHash: keyHash(operator.keyOf, value) };
}

/** What tells a record from others: undefined for what cannot be encoded. */
export function recordHash(value: unknown, timestamp: number): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = encodeValue(Number.isNaN(timestamp) ? [value] : [value, timestamp], "record", maxValueDepth + 1);
  } catch {
    return undefined;
  }
  let mixed = bytes.length;
  for (const byte of bytes) mixed = mix32(mixed, byte);
  return hex(crc32(bytes)) + hex(finalize32(mixed));
}

/** The hash of a record's key. */
export function keyHash(keyOf: ((value: never) => unknown) | undefined, value: unknown): string | undefined {
  try {
    return keyOf === undefined ? undefined : hex(hashKey(keyOf(value as never) as Key));
  } catch {
    return undefined;
  }
}
