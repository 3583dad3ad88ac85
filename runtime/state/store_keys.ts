import { SluiceError } from "../../actors/error.ts";
import { type Key, type KeyIdentity, keyText } from "../graph/key.ts";
import { maxStoreKeyBytes } from "../graph/ordered_store.ts";

/**
 * How keys of state stand in an ordered store.
 *
 * | bytes | content                                                                        |
 * |-------|--------------------------------------------------------------------------------|
 * | 1     | 0: an entry; 1: a note that it was changed in an epoch; 2: a copy for a cut    |
 * | 2     | number of the section                                                          |
 * | 4     | of notes the epoch, of copies that of the cut                                  |
 * | 2     | key group                                                                      |
 * | …     | the key: one byte for its type, then its identity; of copies 4 bytes, a number |
 *
 * Numbers are big-endian, so what belongs together stands together, in order.
 */
const entryMark = 0;
const noteMark = 1;
const keptMark = 2;
const utf8 = new TextEncoder();
const scratch = new Uint8Array(16);
const view = new DataView(scratch.buffer);

/** The prefix of a section's entries: of one group, or of all. */
export function entryPrefix(section: number, group?: number): Uint8Array {
  return group === undefined ? prefix(entryMark, section) : prefix(entryMark, section, undefined, group);
}

/** The prefix of a section's notes: of one epoch, or of one group in it. */
export function notePrefix(section: number, epoch: number, group?: number): Uint8Array {
  return prefix(noteMark, section, epoch, group);
}

/** The prefix of the copies for a cut of that epoch: of one group, or of all. */
export function keptPrefix(section: number, epoch: number, group?: number): Uint8Array {
  return prefix(keptMark, section, epoch, group);
}

/** The key of a copy. */
export function keptKey(section: number, epoch: number, group: number, number: number): Uint8Array {
  const start = keptPrefix(section, epoch, group);
  const key = new Uint8Array(start.length + 4);
  key.set(start);
  view.setUint32(0, number);
  key.set(scratch.subarray(0, 4), start.length);
  return key;
}

/** Whether a key stands before another one. */
export function comesBefore(key: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(key.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = key[at]! - other[at]!;
    if (difference !== 0) return difference < 0;
  }
  return key.length < other.length;
}

function prefix(mark: number, section: number, epoch?: number, group?: number): Uint8Array {
  view.setUint8(0, mark);
  view.setUint16(1, section);
  let length = 3;
  if (epoch !== undefined) {
    view.setUint32(length, epoch);
    length += 4;
  }
  if (group !== undefined) {
    view.setUint16(length, group);
    length += 2;
  }
  return scratch.slice(0, length);
}

/** Where the keys end that begin so. */
export function prefixEnd(start: Uint8Array): Uint8Array {
  const end = start.slice();
  for (let at = end.length - 1; at >= 0; at--) {
    end[at] = (end[at]! + 1) & 0xff;
    if (end[at] !== 0) return end;
  }
  throw new RangeError("a prefix of the highest bytes has no end");
}

/** The least key after this one. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
}

/** The first byte of a tuple's identity is a lone surrogate, which no other text has and UTF-8 cannot say. */
const tupleMark = 0xd800;

/**
 * The bytes of a key behind a prefix.
 * @throws {SluiceError} `STATE_KEY_TOO_LONG`
 */
export function storeKey(start: Uint8Array, identity: KeyIdentity, key: Key | undefined, state: string): Uint8Array {
  switch (typeof identity) {
    case "number": {
      const bytes = new Uint8Array(start.length + 9);
      bytes.set(start);
      view.setFloat64(0, identity);
      bytes[start.length] = 1;
      bytes.set(scratch.subarray(0, 8), start.length + 1);
      return bytes;
    }
    case "boolean":
      return ofText(start, 4, identity ? "t" : "f");
    case "bigint":
      return ofText(start, 5, String(identity), key, state);
    case "string":
      return identity.charCodeAt(0) === tupleMark
        ? ofText(start, 3, identity.slice(1), key, state)
        : ofText(start, 2, identity, key, state);
  }
}

function ofText(start: Uint8Array, type: number, text: string, key?: Key, state = ""): Uint8Array {
  const room = start.length + 1;
  const bytes = new Uint8Array(room + Math.min(text.length * 3, maxStoreKeyBytes));
  bytes.set(start);
  bytes[start.length] = type;
  const { read, written } = utf8.encodeInto(text, bytes.subarray(room));
  if (read === text.length && room + written <= maxStoreKeyBytes) return bytes.subarray(0, room + written);
  throw new SluiceError(
    "STATE_KEY_TOO_LONG",
    `the key ${keyText(key ?? text)} of ${state} is too long for the state backend "disk", which takes keys of ` +
      `up to ${maxStoreKeyBytes - 32} bytes; use a hash of it as the key, or keep state on the heap`,
  );
}

/** The key group in the key of an entry. */
export function groupOfEntry(key: Uint8Array): number {
  return (key[3]! << 8) | key[4]!;
}

/** The entry's key of a note. */
export function entryOfNote(note: Uint8Array): Uint8Array {
  const key = new Uint8Array(note.length - 4);
  key.set(note.subarray(0, 3));
  key.set(note.subarray(7), 3);
  key[0] = entryMark;
  return key;
}

/** The note of an entry's key. */
export function noteOfEntry(entry: Uint8Array, epoch: number): Uint8Array {
  const key = new Uint8Array(entry.length + 4);
  key.set(entry.subarray(0, 3));
  key.set(entry.subarray(3), 7);
  view.setUint32(0, epoch);
  key.set(scratch.subarray(0, 4), 3);
  key[0] = noteMark;
  return key;
}
