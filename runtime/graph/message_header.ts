import { crc32 } from "../../actors/checksum.ts";
import type { BarrierMode, CheckpointId } from "./frame.ts";

/**
 * The header of everything that travels on an encoded channel. Integers are unsigned and big-endian.
 *
 * | offset | bytes | field                                                                                     |
 * |-------:|------:|-------------------------------------------------------------------------------------------|
 * |      0 |     4 | CRC-32 of the header from offset 4 to its end, barriers included                          |
 * |      4 |     4 | CRC-32 of the body                                                                        |
 * |      8 |     2 | magic: `53 4c`                                                                            |
 * |     10 |     1 | version: 3                                                                                |
 * |     11 |     1 | kind: 1 frame, 2 heartbeat, 3 grant, 4 hello                                              |
 * |     12 |     1 | flags; frame: 1 it has key groups, 2 it has timestamps; grant: 1 frames are missing       |
 * |     13 |     1 | barriers: 0 to 8                                                                          |
 * |     14 |     2 | reserved: 0                                                                               |
 * |     16 |     4 | attempt                                                                                   |
 * |     20 |     4 | channel number                                                                            |
 * |     24 |     8 | frame: seq; heartbeat, hello: the last seq sent; grant: the last seq received in order    |
 * |     32 |     8 | grant: the last seq consumed; else 0                                                      |
 * |     40 |     8 | frame: cost; grant: limit (float64); else 0                                               |
 * |     48 |     4 | frame: how many of its elements are already processed; grant: see below; else 0           |
 * |     52 |     4 | frame: records in the body; grant: see below; else 0                                      |
 * |     48 |     8 | grant: the newest barrier seen, instead of the two fields above                           |
 * |     56 |     4 | reserved: 0                                                                               |
 * |     60 |     4 | bytes of the body that follows the header; frame only                                     |
 * |     64 |    32 | for each barrier: id (8), afterSeq (8), elapsed ms since the trigger (float64), kind      |
 * |        |       | (1: 1 aligned, 2 unaligned), mode of its checkpoint (1: 0 the job's, 1 aligned,           |
 * |        |       | 2 unaligned), reserved: 0 (6)                                                             |
 */

const fixedBytes = 64;
const barrierBytes = 32;
const magic = 0x534c;
const version = 3;

/** Captured frames are still read where they were written in this version: their header is the same. */
export const oldestVersion = 2;

/** How many checkpoints may be open on a channel at once. */
export const maxBarriers = 8;

/** The longest header there is. */
export const maxHeaderBytes: number = fixedBytes + maxBarriers * barrierBytes;

/** A barrier as messages show it, from the moment it leaves. Fixed at hand-over, and kept when a message is sent again. */
export interface BarrierHeader {
  readonly id: CheckpointId;
  readonly kind: "aligned" | "unaligned";
  /** The cut: frames up to here are before the barrier. */
  readonly afterSeq: number;
  /** Milliseconds since the trigger, as of hand-over. */
  readonly elapsedMs: number;
  /** Of its checkpoint, where that is not the job's. */
  readonly mode?: BarrierMode;
}

interface Addressed {
  readonly attempt: number;
  /** The channel's number in the deployment. */
  readonly channel: number;
}

/** A frame, without its content. */
export interface FrameHeader extends Addressed {
  readonly kind: "frame";
  readonly seq: number;
  readonly barriers: readonly BarrierHeader[];
  /** How many of its elements are already processed. */
  readonly skip: number;
  readonly cost: number;
  readonly records: number;
  readonly hasKeyGroups: boolean;
  readonly hasTimestamps: boolean;
}

/** Sender to receiver, while anything is unconfirmed: what was sent, and the barriers that have left. */
export interface Heartbeat extends Addressed {
  readonly kind: "heartbeat";
  /** The last frame handed to the transport. */
  readonly sent: number;
  readonly barriers: readonly BarrierHeader[];
}

/** Receiver to sender, cumulative. */
export interface Grant extends Addressed {
  readonly kind: "grant";
  /** All frames up to here have arrived. */
  readonly received: number;
  /** All frames up to here are processed. */
  readonly consumed: number;
  /** The sender may send until this much cost in all. */
  readonly limit: number;
  /** The newest barrier seen; 0 before the first. */
  readonly barrier: CheckpointId;
  /** Something behind `received` is known to have been sent, and has not come. */
  readonly gap: boolean;
}

/** Sender to receiver, repeated until the first grant. */
export interface Hello extends Addressed {
  readonly kind: "hello";
  /** The channel goes on after this frame. */
  readonly sent: number;
}

export type MessageHeader = FrameHeader | Heartbeat | Grant | Hello;

const kindCodes: Readonly<Record<MessageHeader["kind"], number>> = { frame: 1, heartbeat: 2, grant: 3, hello: 4 };
const kinds: readonly (MessageHeader["kind"] | undefined)[] = [undefined, "frame", "heartbeat", "grant", "hello"];
const none: readonly BarrierHeader[] = [];

/** How many bytes the header of this message takes. */
export function headerBytes(header: { readonly barriers?: readonly BarrierHeader[] }): number {
  return fixedBytes + (header.barriers?.length ?? 0) * barrierBytes;
}

/**
 * Writes the header at the start of `target`, which holds the body behind it, to its end.
 *
 * @throws {RangeError} When a number is out of range: a fault of the caller's.
 */
export function writeHeader(header: MessageHeader, target: Uint8Array): void {
  const barriers = header.kind === "frame" || header.kind === "heartbeat" ? header.barriers : none;
  if (barriers.length > maxBarriers) throw new RangeError(`${barriers.length} barriers on a channel, at most ${maxBarriers}`);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const bodyAt = headerBytes(header.kind === "frame" || header.kind === "heartbeat" ? header : {});
  const body = target.subarray(bodyAt);
  view.setUint32(4, crc32(body));
  view.setUint16(8, magic);
  view.setUint8(10, version);
  view.setUint8(11, kindCodes[header.kind]);
  view.setUint8(13, barriers.length);
  view.setUint32(16, uint32(header.attempt, "attempt"));
  view.setUint32(20, uint32(header.channel, "channel"));
  view.setUint32(60, uint32(body.length, "body"));
  switch (header.kind) {
    case "frame":
      view.setUint8(12, (header.hasKeyGroups ? 1 : 0) | (header.hasTimestamps ? 2 : 0));
      setUint53(view, 24, header.seq, "seq");
      view.setFloat64(40, amount(header.cost, "cost"));
      view.setUint32(48, uint32(header.skip, "skip"));
      view.setUint32(52, uint32(header.records, "records"));
      break;
    case "grant":
      setUint53(view, 24, header.received, "received");
      setUint53(view, 32, header.consumed, "consumed");
      view.setUint8(12, header.gap ? 1 : 0);
      view.setFloat64(40, amount(header.limit, "limit"));
      setUint53(view, 48, header.barrier, "barrier");
      break;
    default:
      setUint53(view, 24, header.sent, "sent");
  }
  let at = fixedBytes;
  for (const barrier of barriers) {
    setUint53(view, at, barrier.id, "barrier id");
    setUint53(view, at + 8, barrier.afterSeq, "afterSeq");
    view.setFloat64(at + 16, amount(barrier.elapsedMs, "elapsedMs"));
    view.setUint8(at + 24, barrier.kind === "aligned" ? 1 : 2);
    view.setUint8(at + 25, barrier.mode === undefined ? 0 : barrier.mode === "aligned" ? 1 : 2);
    at += barrierBytes;
  }
  view.setUint32(0, crc32(target.subarray(4, bodyAt)));
}

/** A header that was read, and where its message ends; or why there is none. */
export type ReadHeader =
  | {
    readonly kind: "header";
    readonly header: MessageHeader;
    /** Of the format. */
    readonly version: number;
    readonly bodyAt: number;
    readonly end: number;
    readonly bodyChecksum: number;
  }
  | { readonly kind: "corrupt"; readonly reason: string };

/**
 * Reads and checks the header of the message that starts at `offset`, in the format's versions from `oldest` on. Never throws;
 * the body need not be there.
 */
export function readHeader(source: Uint8Array, offset: number = 0, oldest: number = version): ReadHeader {
  if (source.length - offset < fixedBytes) return corrupt(`a header of ${source.length - offset} bytes`);
  const view = new DataView(source.buffer, source.byteOffset + offset, source.byteLength - offset);
  const count = view.getUint8(13);
  const bodyAt = fixedBytes + count * barrierBytes;
  if (count > maxBarriers || bodyAt > view.byteLength) return corrupt("the barriers of the header are cut off");
  if (view.getUint32(0) !== crc32(source.subarray(offset + 4, offset + bodyAt))) return corrupt("wrong checksum of the header");
  if (view.getUint16(8) !== magic) return corrupt("no message of a channel");
  const written = view.getUint8(10);
  if (written < oldest || written > version) return corrupt(`version ${written} of the format, not ${version}`);
  const header = headerOf(view, count);
  if (typeof header === "string") return corrupt(header);
  const bodyBytes = view.getUint32(60);
  if (header.kind !== "frame" && bodyBytes > 0) return corrupt(`a ${header.kind} with a body`);
  const bodyChecksum = view.getUint32(4);
  return { kind: "header", header, version: written, bodyAt: offset + bodyAt, end: offset + bodyAt + bodyBytes, bodyChecksum };
}

function headerOf(view: DataView, count: number): MessageHeader | string {
  const kind = kinds[view.getUint8(11)];
  const flags = view.getUint8(12);
  const attempt = view.getUint32(16);
  const channel = view.getUint32(20);
  const seq = getUint53(view, 24);
  const consumed = getUint53(view, 32);
  const cost = view.getFloat64(40);
  const skip = view.getUint32(48);
  const records = view.getUint32(52);
  const barriers = barriersOf(view, count);
  const isFrame = kind === "frame";
  const isGrant = kind === "grant";
  const seen = isGrant ? getUint53(view, 48) : 0;
  if (kind === undefined || seq === undefined || consumed === undefined || barriers === undefined || !(cost >= 0)) {
    return "a field of the header is out of range";
  }
  if (seen === undefined) return "a field of the header is out of range";
  const unused = view.getUint16(14) !== 0 || view.getUint32(56) !== 0 || flags > (isFrame ? 3 : isGrant ? 1 : 0) ||
    (!isFrame && !isGrant && (skip !== 0 || records !== 0)) || (!isGrant && consumed !== 0) ||
    (!isGrant && !isFrame && cost !== 0) || (kind !== "heartbeat" && !isFrame && count > 0);
  if (unused) return "a reserved field of the header is in use";
  switch (kind) {
    case "frame":
      if (seq === 0) return "a frame without number";
      return {
        kind,
        attempt,
        channel,
        seq,
        barriers,
        skip,
        cost,
        records,
        hasKeyGroups: (flags & 1) !== 0,
        hasTimestamps: (flags & 2) !== 0,
      };
    case "heartbeat":
      return { kind, attempt, channel, sent: seq, barriers };
    case "grant":
      return { kind, attempt, channel, received: seq, consumed, limit: cost, barrier: seen, gap: flags === 1 };
    case "hello":
      return { kind, attempt, channel, sent: seq };
  }
}

function barriersOf(view: DataView, count: number): readonly BarrierHeader[] | undefined {
  if (count === 0) return none;
  const barriers: BarrierHeader[] = [];
  for (let at = fixedBytes; barriers.length < count; at += barrierBytes) {
    const id = getUint53(view, at);
    const afterSeq = getUint53(view, at + 8);
    const elapsedMs = view.getFloat64(at + 16);
    const kind = view.getUint8(at + 24);
    const mode = view.getUint8(at + 25);
    const reserved = view.getUint16(at + 26) | view.getUint32(at + 28);
    if (
      id === undefined || afterSeq === undefined || !(elapsedMs >= 0) || (kind !== 1 && kind !== 2) || reserved !== 0 || mode > 2
    ) {
      return undefined;
    }
    const barrier: BarrierHeader = { id, kind: kind === 1 ? "aligned" : "unaligned", afterSeq, elapsedMs };
    barriers.push(mode === 0 ? barrier : { ...barrier, mode: mode === 1 ? "aligned" : "unaligned" });
  }
  return barriers;
}

function corrupt(reason: string): ReadHeader {
  return { kind: "corrupt", reason };
}

function uint32(value: number, name: string): number {
  if (value >>> 0 !== value) throw new RangeError(`${name} of a message: ${value} is no unsigned 32-bit number`);
  return value;
}

function amount(value: number, name: string): number {
  if (!(value >= 0)) throw new RangeError(`${name} of a message: ${value} is less than 0`);
  return value === 0 ? 0 : value;
}

function setUint53(view: DataView, at: number, value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} of a message: ${value} is no whole number`);
  view.setUint32(at, Math.floor(value / 0x1_0000_0000));
  view.setUint32(at + 4, value >>> 0);
}

function getUint53(view: DataView, at: number): number | undefined {
  const value = view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
  return Number.isSafeInteger(value) ? value : undefined;
}
