import { Buffer } from "node:buffer";

/**
 * Where two values first differ, by the strictest reading: kinds, prototypes, signs of zero, order of fields and entries,
 * missing against undefined. Undefined when nowhere.
 */
export function exactDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
    return Object.is(a, b) ? undefined : `${path}: ${describe(a)} became ${describe(b)}`;
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another prototype`;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime()) ? undefined : `${path}: another date`;
  if (a instanceof ArrayBuffer) return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer), path);
  if (ArrayBuffer.isView(a)) {
    const other = b as ArrayBufferView;
    return sameBytes(bytesOf(a), bytesOf(other), path);
  }
  if (a instanceof Map) return exactDifference([...a.entries()], [...(b as Map<unknown, unknown>).entries()], `${path}.entries`);
  if (a instanceof Set) return exactDifference([...a], [...(b as Set<unknown>)], `${path}.items`);
  const keys = Reflect.ownKeys(a);
  const others = Reflect.ownKeys(b);
  if (keys.length !== others.length) return `${path}: ${keys.length} fields became ${others.length}`;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (key !== others[index]) return `${path}: field ${String(key)} became ${String(others[index])}`;
    const found = exactDifference(
      (a as Record<string, unknown>)[key],
      (b as Record<string, unknown>)[key],
      `${path}.${String(key)}`,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array, path: string): string | undefined {
  return Buffer.compare(a, b) === 0 ? undefined : `${path}: other bytes`;
}

function describe(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
