import { Buffer } from "node:buffer";
import { SluiceError } from "./error.ts";

/**
 * Which values come back from their encoding exactly as they went in. The encoder looks while it writes and only finds that
 * something is wrong; {@link refusal} looks again, slowly, for the place and the reason.
 */

/** How many containers (objects, arrays, maps, sets) may stand inside each other. */
export const maxValueDepth = 64;

/** How far a caller may raise that limit, for a wrapping of its own. */
export const depthCeiling = 128;

/** Bigints are kept up to this size. */
export const maxBigintBytes = 8_192;

/** How many containers one value may hold; one that is seen by several paths counts each time, as it is written each time. */
export const maxContainers: number = 1 << 22;

/** Bigints are kept from the negative of this up to just below it. */
export const bigintBound: bigint = 1n << BigInt(maxBigintBytes * 8 - 1);

/** The one field name that the codec does not carry. */
export const reservedKey = "__proto__";

const leafPrototypes: ReadonlySet<object> = new Set<object>([
  Date.prototype,
  ArrayBuffer.prototype,
  DataView.prototype,
  Buffer.prototype,
  Int8Array.prototype,
  Uint8Array.prototype,
  Uint8ClampedArray.prototype,
  Int16Array.prototype,
  Uint16Array.prototype,
  Int32Array.prototype,
  Uint32Array.prototype,
  Float32Array.prototype,
  Float64Array.prototype,
  BigInt64Array.prototype,
  BigUint64Array.prototype,
]);

/** Matches of regular expressions and template strings are arrays with more than elements. */
export function hasNamedElements(array: readonly unknown[]): boolean {
  return "groups" in array || "raw" in array;
}

/** Properties that were added to what has none of its own. */
export function hasOwnKeys(object: object): boolean {
  return Reflect.ownKeys(object).length !== 0;
}

/** Whether an object has fields beside the `fields` that a loop over it finds: named by symbols, or not enumerable. */
export function hasHiddenFields(object: object, fields: number): boolean {
  return Object.getOwnPropertyNames(object).length !== fields || Object.getOwnPropertySymbols(object).length !== 0;
}

/** Of each block of this many records alike that are written together, so many are searched. */
const searchBlock = 256;
const searchedOfBlock = 16;

/**
 * Whether the record at `index` of many alike that are written together is searched for hidden fields: the first 16 of each 256.
 * Engines have no quick answer to {@link hasHiddenFields}: asked of each record, it takes a third of the time of writing.
 * Fields of that kind come from the code that makes records, so where one record has them the others do, too; and up to 16
 * records are all looked at. What a record that is passed over has of them is not written: it is lost without a word.
 */
export function isSearched(index: number): boolean {
  return index % searchBlock < searchedOfBlock;
}

function isResizable(object: object): boolean {
  return (object as { readonly resizable?: boolean }).resizable === true;
}

/** The error for a value that would not come back exactly: names the place in it, and what to do. */
export function refusal(value: unknown, path: string, depth: number = maxValueDepth): SluiceError {
  containersLeft = maxContainers;
  const found = findInexact(value, path, Math.min(depth, depthCeiling), new Set()) ?? tooManyContainers(path);
  return new SluiceError("UNENCODABLE_VALUE", `Cannot encode ${found.path}: ${found.problem}; ${found.remedy}`);
}

let containersLeft = 0;

interface Inexact {
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

/** `within` holds the containers that are being looked at, to tell a cycle from mere depth. */
function findInexact(value: unknown, path: string, depthLeft: number, within: Set<object>): Inexact | undefined {
  switch (typeof value) {
    case "object":
      return value === null ? undefined : findInObject(value, path, depthLeft, within);
    case "string":
      if (value.isWellFormed()) return undefined;
      return { path, problem: "the string holds half of a surrogate pair", remedy: "call toWellFormed() on it" };
    case "bigint":
      if (value < bigintBound && value >= -bigintBound) return undefined;
      return { path, problem: `the bigint has more than ${maxBigintBytes} bytes`, remedy: "keep it as a string" };
    case "function":
      return { path, problem: "it is a function", remedy: "leave it out, or keep what it computes" };
    case "symbol":
      return { path, problem: "it is a symbol", remedy: "keep a string in its place" };
    default:
      return undefined;
  }
}

function findInObject(object: object, path: string, depthLeft: number, within: Set<object>): Inexact | undefined {
  if (within.has(object)) {
    return { path, problem: "it contains itself", remedy: "refer to the other object by an id instead" };
  }
  const prototype: unknown = Object.getPrototypeOf(object);
  const isContainer = prototype === Object.prototype || prototype === Array.prototype || prototype === Map.prototype ||
    prototype === Set.prototype;
  if (!isContainer) return findInLeaf(object, path, prototype as object | null);
  if (--containersLeft < 0) return tooManyContainers(path);
  if (depthLeft <= 0) {
    // A cycle shows as depth first where something else nests along the way.
    return { path, problem: `it nests deeper than ${maxValueDepth} levels`, remedy: "flatten it" };
  }
  within.add(object);
  const found = findInContainer(object, path, depthLeft - 1, within);
  within.delete(object);
  return found;
}

function tooManyContainers(path: string): Inexact {
  const problem = `it holds more than ${maxContainers} objects, counted each time they are seen`;
  return { path, problem, remedy: "keep it in several values, and refer to shared objects by an id" };
}

function findInContainer(object: object, path: string, depthLeft: number, within: Set<object>): Inexact | undefined {
  if (Array.isArray(object)) {
    for (let index = 0; index < object.length; index++) {
      const at = `${path}[${index}]`;
      if (!(index in object)) {
        return { path: at, problem: "the array has a hole there", remedy: "fill it with undefined or null" };
      }
      const found = findInexact(object[index], at, depthLeft, within);
      if (found !== undefined) return found;
    }
    if (!hasNamedElements(object)) return undefined;
    return { path, problem: "the array has named properties too", remedy: "copy its elements: [...array]" };
  }
  if (object instanceof Map) {
    let index = 0;
    for (const [key, value] of object as ReadonlyMap<unknown, unknown>) {
      const name = typeof key === "string" ? JSON.stringify(key) : typeof key === "number" ? String(key) : `key #${index}`;
      const found = findInexact(key, `${path}.keys()[${index}]`, depthLeft, within) ??
        findInexact(value, `${path}.get(${name})`, depthLeft, within);
      if (found !== undefined) return found;
      index++;
    }
    return extraKeys(object, path);
  }
  if (object instanceof Set) {
    let index = 0;
    for (const item of object as ReadonlySet<unknown>) {
      const found = findInexact(item, `${path}.values()[${index++}]`, depthLeft, within);
      if (found !== undefined) return found;
    }
    return extraKeys(object, path);
  }
  return findInRecord(object as Record<string, unknown>, path, depthLeft, within);
}

function findInRecord(
  record: Record<string, unknown>,
  path: string,
  depthLeft: number,
  within: Set<object>,
): Inexact | undefined {
  const names = Object.keys(record);
  for (const key of names) {
    const at = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
    if (key === reservedKey) return { path: at, problem: "the name is reserved", remedy: "rename the field" };
    if (!key.isWellFormed()) {
      return { path: at, problem: "the name holds half of a surrogate pair", remedy: "rename the field" };
    }
    const found = findInexact(record[key], at, depthLeft, within);
    if (found !== undefined) return found;
  }
  const symbol = Object.getOwnPropertySymbols(record)[0];
  if (symbol !== undefined) {
    return { path: `${path}[${String(symbol)}]`, problem: "a symbol cannot name a field", remedy: "name it by a string" };
  }
  const hidden = Object.getOwnPropertyNames(record).find((name) => !names.includes(name));
  if (hidden === undefined) return undefined;
  return { path: `${path}.${hidden}`, problem: "the field is not enumerable", remedy: "make it a plain field" };
}

function extraKeys(object: object, path: string): Inexact | undefined {
  if (!hasOwnKeys(object)) return undefined;
  const key = String(Reflect.ownKeys(object)[0]);
  return { path: `${path}.${key}`, problem: "only the entries are kept", remedy: "keep the property beside it" };
}

function findInLeaf(object: object, path: string, prototype: object | null): Inexact | undefined {
  if (prototype === null) {
    return { path, problem: "it is an object without prototype", remedy: "copy it into a plain object: { ...object }" };
  }
  if (!leafPrototypes.has(prototype)) {
    const made: unknown = (object as { readonly constructor?: unknown }).constructor;
    const name = typeof made === "function" && made.name !== "" ? made.name : "an unnamed class";
    return {
      path,
      problem: `it is an instance of ${name}, which would come back as something else`,
      remedy: "keep its fields as a plain object",
    };
  }
  if (ArrayBuffer.isView(object)) {
    if (object.buffer instanceof ArrayBuffer) return object instanceof DataView ? extraKeys(object, path) : undefined;
    return { path, problem: "its memory is shared between threads", remedy: "copy it with slice()" };
  }
  if (prototype === ArrayBuffer.prototype && isResizable(object)) {
    return { path, problem: "the buffer is resizable", remedy: "copy it with slice()" };
  }
  return extraKeys(object, path);
}
