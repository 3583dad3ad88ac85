import { maxValueDepth } from "./exactness.ts";
import type { PlacedRef, WireRef } from "./remote_envelope.ts";

/**
 * Takes the refs out of a message, which cannot be encoded as they are. Looked for in plain objects and arrays; the message
 * itself is not changed.
 */
export function takeRefs(
  message: unknown,
  wireRefOf: (value: object) => WireRef | undefined,
): { readonly message: unknown; readonly refs: PlacedRef[] } {
  const refs: PlacedRef[] = [];
  const at: (string | number)[] = [];
  const strip = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || at.length > maxValueDepth) return value;
    const ref = wireRefOf(value);
    if (ref !== undefined) {
      refs.push({ at: [...at], ref });
      return null;
    }
    if (Array.isArray(value)) return stripEach(value, value.keys(), () => [...value]);
    if (isPlain(value)) return stripEach(value as Record<string, unknown>, Object.keys(value), () => ({ ...value }));
    return value;
  };
  const stripEach = <K extends string | number>(from: Record<K, unknown>, keys: Iterable<K>, clone: () => Record<K, unknown>) => {
    let copy: Record<K, unknown> | undefined;
    for (const key of keys) {
      at.push(key);
      const stripped = strip(from[key]);
      at.pop();
      if (!Object.is(stripped, from[key])) (copy ??= clone())[key] = stripped;
    }
    return copy ?? from;
  };
  return { message: strip(message), refs };
}

/** Puts the refs of a message that arrived in their places. `undefined` when there are no such places. */
export function putRefs(
  message: unknown,
  refs: readonly PlacedRef[],
  refOf: (ref: WireRef) => unknown,
): { readonly message: unknown } | undefined {
  let root = message;
  for (const { at, ref } of refs) {
    const last = at.at(-1);
    if (last === undefined) {
      if (root !== null) return undefined;
      root = refOf(ref);
      continue;
    }
    let holder: unknown = root;
    for (const key of at.slice(0, -1)) {
      if (!holds(holder, key)) return undefined;
      holder = holder[key];
    }
    if (!holds(holder, last) || holder[last] !== null) return undefined;
    holder[last] = refOf(ref);
  }
  return { message: root };
}

/** Whether a plain object or array has this field of its own: nothing of its prototype is ever touched. */
function holds(holder: unknown, key: string | number): holder is Record<string | number, unknown> {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, key)) return false;
  return Array.isArray(holder) ? typeof key === "number" : isPlain(holder);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
