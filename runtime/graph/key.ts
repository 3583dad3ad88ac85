import { SluiceError } from "../../actors/error.ts";
import { bigintSeed, falseWord, finalize32, hashDouble, hashString, mix32, trueWord, tupleSeed } from "./hash.ts";
import type { KeyGroupRange } from "./operator.ts";

/** One part of a key: a well-formed string, a number that is not NaN (−0 counts as 0), a boolean or a bigint. */
export type KeyItem = string | number | boolean | bigint;

/**
 * What records are grouped by: one item, or a tuple of items. Two keys are the same when they have the same type and value,
 * item by item: `1`, `"1"`, `1n`, `true` and `[1]` are five keys.
 */
export type Key = KeyItem | readonly KeyItem[];

/** What stands for a key in a `Map`: the key itself, or, for a tuple, a string that no other key has. */
export type KeyIdentity = KeyItem;

/** How many key groups a job has unless it says otherwise. */
export const defaultKeyGroups = 128;

/** The most key groups a job can have. */
export const maxKeyGroups = 32_768;

/**
 * The key group of a key: its hash, scaled to the number of groups. Pure, the same on every machine; see `hash.ts`.
 * @param where names the operator, for the error
 * @throws {SluiceError} `KEY_INVALID` for what is no {@link Key}
 */
export function keyGroupOf(key: Key, keyGroups: number, where?: string): number {
  const hash = typeof key === "number" && (key | 0) === key ? finalize32(key) : hashOther(key, where);
  // floor(hash * keyGroups / 2^32), in whole numbers: the product of each half fits in 31 bits.
  return (Math.imul(hash >>> 16, keyGroups) + (Math.imul(hash & 0xffff, keyGroups) >>> 16)) >>> 16;
}

/**
 * The hash of a key: a signed 32-bit number.
 * @throws {SluiceError} `KEY_INVALID` for what is no {@link Key}
 */
export function hashKey(key: Key, where?: string): number {
  return typeof key === "number" && (key | 0) === key ? finalize32(key) : hashOther(key, where);
}

/**
 * What stands for the key in a `Map`. Different keys have different identities, also across types.
 * @throws {SluiceError} `KEY_INVALID` for what is no {@link Key}
 */
export function keyIdentity(key: Key, where?: string): KeyIdentity {
  switch (typeof key) {
    case "number":
      if (key === key) return key === 0 ? 0 : key;
      break;
    case "string":
      if (isWellFormed(key)) return key;
      break;
    case "boolean":
    case "bigint":
      return key;
    case "object":
      if (Array.isArray(key)) return tupleIdentity(key, where);
  }
  throw invalidKey(key, where);
}

/** The key as it is kept and handed out: −0 is 0, at the top and in tuples. Everything else comes back as it is. */
export function canonicalKey<K extends Key>(key: K): K {
  if (key === 0) return 0 as K;
  if (typeof key !== "object" || !key.some((item) => Object.is(item, -0))) return key;
  return key.map((item) => item === 0 ? 0 : item) as readonly KeyItem[] as K;
}

/** The key as messages show it: `"ada"`, `7`, `7n`, `["ada", 7]`. At most about 100 characters. */
export function keyText(key: Key): string {
  return shorten(typeof key === "object" ? `[${key.map(itemText).join(", ")}]` : itemText(key));
}

/** The key groups of one subtask. Ranges differ by at most one group, and every group belongs to exactly one subtask. */
export function rangeOf(subtask: number, parallelism: number, keyGroups: number): KeyGroupRange {
  return {
    first: Math.ceil(subtask * keyGroups / parallelism),
    last: Math.floor(((subtask + 1) * keyGroups - 1) / parallelism),
  };
}

/** The subtask that a key group belongs to: the inverse of {@link rangeOf}. */
export function ownerOf(keyGroup: number, parallelism: number, keyGroups: number): number {
  return Math.floor(keyGroup * parallelism / keyGroups);
}

function hashOther(key: Key, where: string | undefined): number {
  return Array.isArray(key) ? hashTuple(key, where) : hashItem(key as KeyItem, key, where);
}

function hashTuple(tuple: readonly KeyItem[], where: string | undefined): number {
  if (tuple.length === 0) throw invalidKey(tuple, where);
  let hash = tupleSeed;
  for (let at = 0; at < tuple.length; at++) hash = mix32(hash, hashItem(tuple[at] as KeyItem, tuple, where));
  return finalize32(hash ^ (tuple.length << 2));
}

function hashItem(item: KeyItem, key: Key, where: string | undefined): number {
  switch (typeof item) {
    case "number":
      if (item !== item) break;
      return (item | 0) === item ? finalize32(item) : hashDouble(item);
    case "string":
      if (isWellFormed(item)) return hashString(item, 0);
      break;
    case "boolean":
      return finalize32(item ? trueWord : falseWord);
    case "bigint":
      return hashString(item.toString(), bigintSeed);
  }
  throw invalidKey(key, where);
}

/** Begins a tuple's identity: a lone surrogate, so no string that is a key looks like it. */
const tupleMark = "\ud800";

function tupleIdentity(tuple: readonly KeyItem[], where: string | undefined): string {
  if (tuple.length === 0) throw invalidKey(tuple, where);
  let identity = tupleMark;
  for (let at = 0; at < tuple.length; at++) {
    const item = tuple[at] as KeyItem;
    switch (typeof item) {
      case "number":
        if (item !== item) throw invalidKey(tuple, where);
        identity += `n${item};`;
        break;
      case "string":
        if (!isWellFormed(item)) throw invalidKey(tuple, where);
        identity += `s${item.length}:${item}`;
        break;
      case "boolean":
        identity += item ? "t" : "f";
        break;
      case "bigint":
        identity += `b${item};`;
        break;
      default:
        throw invalidKey(tuple, where);
    }
  }
  return identity;
}

/** Most strings have no surrogate at all: one pass over the units decides that more cheaply than the built-in on short keys. */
function isWellFormed(text: string): boolean {
  if (text.length > 32) return text.isWellFormed();
  let seen = 0;
  for (let at = 0; at < text.length; at++) seen |= text.charCodeAt(at);
  return (seen & 0xd800) !== 0xd800 || text.isWellFormed();
}

function invalidKey(key: unknown, where: string | undefined): SluiceError {
  const place = where === undefined ? "" : ` of ${where}`;
  const remedy =
    "a key is a well-formed string, a number, a boolean, a bigint, or an array of these: return one of them from keyBy";
  return new SluiceError("KEY_INVALID", `the key${place} is ${describe(key)}; ${remedy}`);
}

function describe(key: unknown): string {
  if (key === null || key === undefined) return String(key);
  if (typeof key === "number") return String(key);
  if (typeof key === "string") return `an ill-formed string, ${shorten(JSON.stringify(key))}`;
  if (Array.isArray(key)) {
    if (key.length === 0) return "an empty array";
    const at = key.findIndex((item) => !isItem(item));
    return `an array whose item ${at} is ${Array.isArray(key[at]) ? "an array" : describe(key[at])}`;
  }
  if (key instanceof Date) return "a Date";
  if (typeof key === "object") return "an object";
  return `a ${typeof key}`;
}

function isItem(item: unknown): boolean {
  if (typeof item === "number") return item === item;
  if (typeof item === "string") return item.isWellFormed();
  return typeof item === "boolean" || typeof item === "bigint";
}

function itemText(item: KeyItem): string {
  if (typeof item === "string") return JSON.stringify(item.length > 100 ? item.slice(0, 100) : item);
  return typeof item === "bigint" ? `${item}n` : String(item);
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
