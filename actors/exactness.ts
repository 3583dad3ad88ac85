import { Buffer } from "node:buffer";
import { SluiceError } from "./error.ts";

/**
 * Which values come back from their encoding exactly as they went in.
 *
 * The walk runs over every value that is encoded, so it is one pass without allocation that answers yes or no. Only when the
 * answer is no does {@link refusal} look for the place and the reason.
 */

/** How many containers (objects, arrays, maps, sets) may stand inside each other. */
export const maxValueDepth = 64;

/** How far a caller may raise that limit, for a wrapping of its own. */
export const depthCeiling = 128;

/** Bigints are kept up to this size. */
export const maxBigintBytes = 8_192;

/** How many containers one value may hold; one that is seen by several paths counts each time, as it is written each time. */
const maxContainers = 1 << 22;

const bigintBound = 1n << BigInt(maxBigintBytes * 8 - 1);

/** Object keys that the codec cannot carry. */
const reservedKeys: readonly string[] = ["__proto__", "__keys__"];

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

/** What the walk found: `negative-zero` is exact only when the encoder is told where they are. */
export type Exactness = "exact" | "negative-zero" | "inexact";

// The walk's state lives in the module, so that the recursion carries two arguments only. It never suspends.
let negativeZero = false;
let containersLeft = 0;
let depthLimit = maxValueDepth;

/** The keys last seen at each depth: records of one stream have the same ones, and need no second look. */
const seenKeys: string[][] = Array.from({ length: depthCeiling }, () => []);
const seenKeysMax = 64;

/** Looks at the whole value. `depth` is how many containers it may nest. */
export function exactness(value: unknown, depth: number = maxValueDepth): Exactness {
  negativeZero = false;
  containersLeft = maxContainers;
  depthLimit = Math.min(depth, depthCeiling);
  if (!isExact(value, 0)) return "inexact";
  return negativeZero ? "negative-zero" : "exact";
}

function isExact(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      if (value === 0 && 1 / value < 0) negativeZero = true;
      return true;
    case "boolean":
    case "undefined":
      return true;
    case "bigint":
      return value < bigintBound && value >= -bigintBound;
    case "object":
      return value === null || isExactObject(value, depth);
    default:
      return false;
  }
}

function isExactObject(object: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype) return isExactBuiltIn(object, prototype as object | null, depth);
  if (depth >= depthLimit || --containersLeft < 0) return false;
  const record = object as Record<string, unknown>;
  const seen = seenKeys[depth] as string[];
  let keys = 0;
  for (const key in record) {
    if (seen[keys] !== key) {
      if (!key.isWellFormed() || reservedKeys.includes(key)) return false;
      if (keys < seenKeysMax) seen[keys] = key;
    }
    keys++;
    if (!isExact(record[key], depth + 1)) return false;
  }
  return Object.getOwnPropertyNames(record).length === keys && Object.getOwnPropertySymbols(record).length === 0;
}

function isExactBuiltIn(object: object, prototype: object | null, depth: number): boolean {
  if (prototype === Array.prototype) return isExactArray(object as readonly unknown[], depth);
  if (prototype === Map.prototype) {
    if (depth >= depthLimit || --containersLeft < 0 || hasOwnKeys(object)) return false;
    for (const [key, value] of object as ReadonlyMap<unknown, unknown>) {
      if (!isExact(key, depth + 1) || !isExact(value, depth + 1)) return false;
    }
    return true;
  }
  if (prototype === Set.prototype) {
    if (depth >= depthLimit || --containersLeft < 0 || hasOwnKeys(object)) return false;
    for (const item of object as ReadonlySet<unknown>) {
      if (!isExact(item, depth + 1)) return false;
    }
    return true;
  }
  if (prototype === null || !leafPrototypes.has(prototype)) return false;
  if (ArrayBuffer.isView(object)) return object.buffer instanceof ArrayBuffer;
  if (hasOwnKeys(object)) return false;
  return prototype !== ArrayBuffer.prototype || !isResizable(object);
}

function isExactArray(array: readonly unknown[], depth: number): boolean {
  if (depth >= depthLimit || --containersLeft < 0) return false;
  const length = array.length;
  for (let index = 0; index < length; index++) {
    const item = array[index];
    if (item === undefined && !(index in array)) return false;
    if (!isExact(item, depth + 1)) return false;
  }
  return !hasNamedElements(array);
}

/** Matches of regular expressions and template strings are arrays with more than elements. */
function hasNamedElements(array: readonly unknown[]): boolean {
  return "groups" in array || "raw" in array;
}

function hasOwnKeys(object: object): boolean {
  return Reflect.ownKeys(object).length !== 0;
}

function isResizable(object: object): boolean {
  return (object as { readonly resizable?: boolean }).resizable === true;
}

/** The error for a value that {@link exactness} found inexact: names the place in it, and what to do. */
export function refusal(value: unknown, path: string, depth: number = maxValueDepth): SluiceError {
  containersLeft = maxContainers;
  const found = findInexact(value, path, depth, new Set()) ?? tooManyContainers(path);
  return new SluiceError("UNENCODABLE_VALUE", `Cannot encode ${found.path}: ${found.problem}; ${found.remedy}`);
}

interface Inexact {
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

/** `within` holds the containers that are being looked at, to tell a cycle from mere depth. */
function findInexact(value: unknown, path: string, depthLeft: number, within: Set<object>): Inexact | undefined {
  if (typeof value === "object" && value !== null) return findInObject(value, path, depthLeft, within);
  if (isExact(value, 0)) return undefined;
  switch (typeof value) {
    case "string":
      return { path, problem: "the string holds half of a surrogate pair", remedy: "call toWellFormed() on it" };
    case "bigint":
      return { path, problem: `the bigint has more than ${maxBigintBytes} bytes`, remedy: "keep it as a string" };
    case "function":
      return { path, problem: "it is a function", remedy: "leave it out, or keep what it computes" };
    default:
      return { path, problem: `it is a ${typeof value}`, remedy: "keep a string in its place" };
  }
}

function findInObject(object: object, path: string, depthLeft: number, within: Set<object>): Inexact | undefined {
  if (within.has(object)) {
    return { path, problem: "it contains itself", remedy: "refer to the other object by an id instead" };
  }
  const prototype: unknown = Object.getPrototypeOf(object);
  const isContainer = prototype === Object.prototype || prototype === Array.prototype || prototype === Map.prototype ||
    prototype === Set.prototype;
  if (!isContainer) return isExact(object, 0) ? undefined : inexactInstance(object, path);
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
    if (reservedKeys.includes(key)) return { path: at, problem: "the name is reserved", remedy: "rename the field" };
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

function inexactInstance(object: object, path: string): Inexact {
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype === null) {
    return { path, problem: "it is an object without prototype", remedy: "copy it into a plain object: { ...object }" };
  }
  if (ArrayBuffer.isView(object) && leafPrototypes.has(prototype)) {
    return { path, problem: "its memory is shared between threads", remedy: "copy it with slice()" };
  }
  if (prototype === ArrayBuffer.prototype && isResizable(object)) {
    return { path, problem: "the buffer is resizable", remedy: "copy it with slice()" };
  }
  if (leafPrototypes.has(prototype)) return extraKeys(object, path) as Inexact;
  const made: unknown = (object as { readonly constructor?: unknown }).constructor;
  const name = typeof made === "function" && made.name !== "" ? made.name : "an unnamed class";
  return {
    path,
    problem: `it is an instance of ${name}, which would come back as something else`,
    remedy: "keep its fields as a plain object",
  };
}
