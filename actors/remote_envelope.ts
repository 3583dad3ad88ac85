import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { crc32 } from "./checksum.ts";
import { decodeValue, encodeValue } from "./codec.ts";
import { maxValueDepth } from "./exactness.ts";

/** What a system id, which is a token of subjects, looks like. */
export const systemIdPattern = "^[A-Za-z0-9_-]{1,128}$";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const SystemId = Type.String({ pattern: systemIdPattern });
const Path = Type.String({ minLength: 1, maxLength: 4096 });

/** An address as it travels. */
export const WireAddress = Type.Object({ system: SystemId, path: Path, id: Count });

/** A ref as it travels: of an actor, or of a question that waits for its answer. */
const WireRef = Type.Union([
  Type.Object({ kind: Type.Literal("actor"), address: WireAddress }),
  Type.Object({ kind: Type.Literal("reply"), system: SystemId, question: Count }),
]);
export type WireRef = Static<typeof WireRef>;

/** Where in a message a ref stands, which has `null` there meanwhile. */
const PlacedRef = Type.Object({ at: Type.Array(Type.Union([Type.String(), Count]), { maxItems: maxValueDepth }), ref: WireRef });
export type PlacedRef = Static<typeof PlacedRef>;

const EndReason = Type.Union([
  Type.Literal("normal"),
  Type.Literal("shutdown"),
  Type.Literal("failed"),
  Type.Literal("gone"),
  Type.Literal("unreachable"),
]);

const Envelope = Type.Union([
  Type.Object({
    kind: Type.Literal("tell"),
    from: SystemId,
    /** Grows with every message that the sender tells anybody. */
    sequence: Count,
    path: Path,
    id: Count,
    message: Type.Unknown(),
    refs: Type.Array(PlacedRef),
  }),
  Type.Object({
    kind: Type.Literal("reply"),
    from: SystemId,
    question: Count,
    message: Type.Unknown(),
    refs: Type.Array(PlacedRef),
  }),
  Type.Object({ kind: Type.Literal("refuse"), from: SystemId, question: Count, why: Type.String() }),
  Type.Object({
    kind: Type.Literal("watch"),
    from: SystemId,
    watches: Type.Array(Type.Object({ watch: Count, path: Path, id: Count })),
  }),
  Type.Object({ kind: Type.Literal("unwatch"), from: SystemId, watches: Type.Array(Count) }),
  Type.Object({
    kind: Type.Literal("watched"),
    from: SystemId,
    alive: Type.Array(Count),
    ended: Type.Array(Type.Object({ watch: Count, reason: EndReason, why: Type.String() })),
  }),
  Type.Object({ kind: Type.Literal("find"), from: SystemId, path: Path }),
  Type.Object({ kind: Type.Literal("found"), from: SystemId, address: WireAddress }),
]);

/** What systems send each other. */
export type Envelope = Static<typeof Envelope>;

/** An envelope, or why there is none. */
export type OpenedEnvelope =
  | { readonly kind: "envelope"; readonly envelope: Envelope }
  | { readonly kind: "corrupt"; readonly reason: string };

/** A checksum of what follows, 4 bytes, little-endian. */
const headerBytes = 4;
/** Envelope, list and element around a message. */
const depth = maxValueDepth + 3;

/**
 * An envelope as bytes: a checksum, then msgpack.
 *
 * @throws {SluiceError} `UNENCODABLE_VALUE` when the message would not come back exactly
 */
export function sealEnvelope(envelope: Envelope): Uint8Array {
  const bytes = encodeValue(envelope, "message", depth, headerBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, crc32(bytes.subarray(headerBytes)), true);
  return bytes;
}

/** Reads an envelope. Never throws, whatever the bytes. */
export function openEnvelope(bytes: Uint8Array, maxBytes: number): OpenedEnvelope {
  if (bytes.length <= headerBytes) return { kind: "corrupt", reason: `${bytes.length} bytes are no envelope` };
  const body = bytes.subarray(headerBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== crc32(body)) return { kind: "corrupt", reason: "the checksum does not fit" };
  const decoded = decodeValue(body, { maxBytes, maxDepth: depth });
  if (decoded.kind === "corrupt") return decoded;
  if (!Value.Check(Envelope, decoded.value)) {
    return { kind: "corrupt", reason: "it has a part that no envelope has, or lacks one" };
  }
  return { kind: "envelope", envelope: decoded.value };
}
