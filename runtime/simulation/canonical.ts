/**
 * A value as text, the same for equal values: what a record is compared by. Fields come in the order of their names; values
 * that JSON would confuse (-0, NaN, undefined, bigints, dates, maps, sets, bytes) are told apart.
 */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : canonicalObject(value);
    default:
      return String(value);
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Map) return `map {${pairs(value).sort().join(",")}}`;
  if (value instanceof Set) return `set {${[...value].map(canonical).sort().join(",")}}`;
  if (ArrayBuffer.isView(value)) {
    return `bytes [${new Uint8Array(value.buffer, value.byteOffset, value.byteLength).join(",")}]`;
  }
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical((value as never)[name])}`).join(",")}}`;
}

function pairs(map: ReadonlyMap<unknown, unknown>): string[] {
  return [...map].map(([key, value]) => `${canonical(key)}:${canonical(value)}`);
}
