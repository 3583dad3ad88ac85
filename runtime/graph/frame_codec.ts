import { crc32 } from "../../actors/checksum.ts";
import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Frame } from "./frame.ts";
import { decodeBody, encodeBody } from "./frame_body.ts";
import {
  type BarrierHeader,
  type FrameHeader,
  type Grant,
  headerBytes,
  type Heartbeat,
  type Hello,
  maxHeaderBytes,
  type MessageHeader,
  oldestVersion,
  type ReadHeader,
  readHeader,
  writeHeader,
} from "./message_header.ts";

/**
 * Messages of channels as bytes: the header that `message_header.ts` draws, and behind it, for a frame, its body, which is
 * `frame_body.ts`'s.
 *
 * Bytes that are not exactly a message are refused, and never give another one: every bit is under a checksum.
 */

/** A frame on its way. `skip` elements of it are already processed: 0, but for captured frames. */
export interface FrameMessage {
  readonly kind: "frame";
  readonly attempt: number;
  readonly channel: number;
  readonly seq: number;
  readonly barriers: readonly BarrierHeader[];
  readonly skip: number;
  readonly frame: Frame;
}

export type ChannelMessage = FrameMessage | Heartbeat | Grant | Hello;

/** What messages may not exceed. */
export interface MessageLimits {
  /** Header and body. @default 67_108_864 */
  readonly maxBytes?: number;
  /** Records of one frame. @default 1_048_576 */
  readonly maxRecords?: number;
}

/** A message; or why there is none, with what its header says where that is intact. */
export type DecodedMessage =
  | { readonly kind: "message"; readonly message: ChannelMessage }
  | { readonly kind: "corrupt"; readonly reason: string; readonly headerValid: true; readonly header: MessageHeader }
  | { readonly kind: "corrupt"; readonly reason: string; readonly headerValid: false };

/** A frame of which `skip` elements are already processed. */
export interface PartialFrame {
  readonly frame: Frame;
  readonly skip: number;
}

export type DecodedFrames =
  | { readonly kind: "frames"; readonly frames: readonly PartialFrame[] }
  | { readonly kind: "corrupt"; readonly reason: string };

const defaultMaxBytes = 64 * 1024 * 1024;
const defaultMaxRecords = 1 << 20;

/**
 * Encodes a message.
 *
 * @throws {SluiceError} `UNENCODABLE_VALUE` naming the record's index and the place in it; `RECORD_TOO_LARGE` when the
 * message is over `maxBytes`, naming its largest record.
 */
export function encodeMessage(message: ChannelMessage, limits: MessageLimits = {}): Uint8Array {
  if (message.kind !== "frame") {
    const bytes = new Uint8Array(headerBytes(message.kind === "heartbeat" ? message : {}));
    writeHeader(message, bytes);
    return bytes;
  }
  const { frame } = message;
  const header = frameHeader(message);
  const bytes = encodeBody(frame, headerBytes(header));
  const maxBytes = limits.maxBytes ?? defaultMaxBytes;
  if (bytes.length > maxBytes) throw tooLarge(frame, bytes.length, maxBytes);
  writeHeader(header, bytes);
  return bytes;
}

/**
 * A frame's body behind room for the longest header: the header is known only when the frame is handed over.
 *
 * @throws {SluiceError} `UNENCODABLE_VALUE` naming the record's index and the place in it.
 */
export function encodeFrameBody(frame: Frame): Uint8Array {
  return encodeBody(frame, maxHeaderBytes);
}

/** Puts the header of `message` right before the body that {@link encodeFrameBody} made of its frame. Copies nothing. */
export function completeFrame(message: FrameMessage, body: Uint8Array): Uint8Array {
  const header = frameHeader(message);
  const bytes = body.subarray(maxHeaderBytes - headerBytes(header));
  writeHeader(header, bytes);
  return bytes;
}

/** A barrier in a body takes up to so many bytes more than none. */
const barrierMarkBytes = 9;

/**
 * What a frame costs of its channel's credit, given its body as {@link encodeFrameBody} made it. Control is free, a barrier
 * within a frame, too: it may overtake the frame while that waits to be sent. The frame is shorter then, and no message may be
 * for more than its bytes.
 */
export function costOf(frame: Frame, body: Uint8Array): number {
  if (frame.values.length === 0) return 0;
  return body.length - maxHeaderBytes + headerBytes({}) - (frame.mark?.kind === "barrier" ? barrierMarkBytes : 0);
}

function frameHeader({ attempt, channel, seq, barriers, skip, frame }: FrameMessage): FrameHeader {
  const { values, keyGroups, timestamps, cost } = frame;
  return {
    kind: "frame",
    attempt,
    channel,
    seq,
    barriers,
    skip,
    cost,
    records: values.length,
    hasKeyGroups: keyGroups !== undefined,
    hasTimestamps: timestamps !== undefined,
  };
}

/** Decodes one message. Never throws, whatever the bytes. */
export function decodeMessage(bytes: Uint8Array, limits: MessageLimits = {}): DecodedMessage {
  const maxBytes = limits.maxBytes ?? defaultMaxBytes;
  if (bytes.length > maxBytes) {
    return { kind: "corrupt", reason: `${bytes.length} bytes are over the limit of ${maxBytes}`, headerValid: false };
  }
  return decodeBehind(readHeader(bytes), bytes, limits.maxRecords ?? defaultMaxRecords);
}

function decodeBehind(read: ReadHeader, bytes: Uint8Array, maxRecords: number): DecodedMessage {
  if (read.kind === "corrupt") return { ...read, headerValid: false };
  const { header, version, bodyAt, end, bodyChecksum } = read;
  const body = bytes.subarray(bodyAt, end);
  const reason = end !== bytes.length
    ? `a message of ${end} bytes in ${bytes.length}`
    : crc32(body) !== bodyChecksum
    ? "wrong checksum of the body"
    : undefined;
  if (reason !== undefined) return { kind: "corrupt", reason, headerValid: true, header };
  if (header.kind !== "frame") return { kind: "message", message: header };
  const frame = decodeBody(header, version, body, maxRecords);
  if (typeof frame === "string") return { kind: "corrupt", reason: frame, headerValid: true, header };
  const { kind, attempt, channel, seq, barriers, skip } = header;
  return { kind: "message", message: { kind, attempt, channel, seq, barriers, skip, frame } };
}

/**
 * Encodes captured frames, one after the other, for a snapshot.
 *
 * @throws {SluiceError} As {@link encodeMessage}.
 */
export function encodeFrames(frames: readonly PartialFrame[]): Uint8Array {
  const encoded = frames.map(({ frame, skip }) =>
    encodeMessage({ kind: "frame", attempt: 0, channel: 0, seq: frame.seq, barriers: [], skip, frame }, captured)
  );
  const only = encoded[0];
  if (only !== undefined && encoded.length === 1) return only;
  const joined = new Uint8Array(encoded.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  for (const bytes of encoded) {
    joined.set(bytes, at);
    at += bytes.length;
  }
  return joined;
}

/** A captured frame was in memory once: nothing but its own length limits it. */
const captured: Required<MessageLimits> = { maxBytes: 0xffff_ffff, maxRecords: 0xffff_ffff };

/**
 * Decodes what {@link encodeFrames} wrote, also in an earlier version of the format, in ascending order of seq. Never throws,
 * whatever the bytes.
 */
export function decodeFrames(bytes: Uint8Array): DecodedFrames {
  const frames: PartialFrame[] = [];
  let at = 0;
  let lastSeq = 0;
  while (at < bytes.length) {
    const read = readHeader(bytes, at, oldestVersion);
    if (read.kind === "corrupt") return { kind: "corrupt", reason: `${read.reason}, at byte ${at}` };
    if (read.end > bytes.length) return { kind: "corrupt", reason: `the frame at byte ${at} is cut off` };
    const { bodyAt, end } = read;
    const message = bytes.subarray(at, end);
    const decoded = decodeBehind({ ...read, bodyAt: bodyAt - at, end: end - at }, message, captured.maxRecords);
    if (decoded.kind === "corrupt") return { kind: "corrupt", reason: `${decoded.reason}, at byte ${at}` };
    if (decoded.message.kind !== "frame" || decoded.message.seq <= lastSeq) {
      return { kind: "corrupt", reason: `no frame in order of seq at byte ${at}` };
    }
    const { seq, frame, skip } = decoded.message;
    frames.push({ frame, skip });
    lastSeq = seq;
    at = read.end;
  }
  return { kind: "frames", frames };
}

function tooLarge(frame: Frame, bytes: number, maxBytes: number): SluiceError {
  let largest = 0;
  let largestBytes = 0;
  for (const [index, value] of frame.values.entries()) {
    const size = encodeValue(value).length;
    if (size > largestBytes) [largest, largestBytes] = [index, size];
  }
  return new SluiceError(
    "RECORD_TOO_LARGE",
    `Cannot send a frame of ${bytes} bytes, ${maxBytes} is the limit: record[${largest}] of ${frame.values.length} has ` +
      `${largestBytes} bytes; make records smaller, or raise the transport's limit`,
  );
}
