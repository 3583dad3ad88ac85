/**
 * A value as JSON to be looked at: what JSON lacks is written as what comes nearest. Big integers, and numbers without a JSON
 * form, are strings; bytes are hexadecimal; a `Map` is a list of pairs, a `Set` a list.
 */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => plain(item)) ?? "undefined";
}

function plain(item: unknown): unknown {
  if (typeof item === "bigint") return item.toString();
  if (typeof item === "number") return Number.isFinite(item) ? item : String(item);
  if (item instanceof Map) return [...item];
  if (item instanceof Set) return [...item];
  if (item instanceof Uint8Array) return Array.from(item, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return ArrayBuffer.isView(item) && !(item instanceof DataView) ? Array.from(item as unknown as ArrayLike<unknown>) : item;
}
