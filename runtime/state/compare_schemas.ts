/**
 * Whether values that were written under one schema can be read under another.
 *
 * Schemas are compared as JSON Schema, as TypeBox writes it; annotations (`title`, `description`, `examples`, `$comment`) do not
 * count. The table is in docs/savepoints.md. Only what follows from the schemas alone passes; no value is looked at.
 */
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

/** A schema as JSON: what a snapshot holds. */
export type SchemaJson = Readonly<Record<string, unknown>>;

/** What became of a comparison. Paths are JSON pointers; `*` stands for every item. */
export type SchemaVerdict =
  /** Every value of the old schema is one of the new. */
  | { readonly kind: "compatible" }
  /** Once these fields are filled in with their defaults. */
  | { readonly kind: "needs defaults"; readonly paths: readonly string[] }
  | { readonly kind: "refused"; readonly path: string; readonly reason: string };

const compatible: SchemaVerdict = { kind: "compatible" };
const annotations: ReadonlySet<string> = new Set(["title", "description", "examples", "$comment", "default", "$id"]);
/** Bounds of numbers, strings and lists: the new one may be wider. */
const lowerBounds = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minByteLength"] as const;
const upperBounds = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxByteLength"] as const;
/** What must be as it was, or gone. */
const exact = ["multipleOf", "pattern", "format", "uniqueItems", "contains", "minContains", "maxContains"] as const;
const simple: ReadonlySet<unknown> = new Set([
  "string",
  "number",
  "integer",
  "boolean",
  "null",
  "bigint",
  "Date",
  "Uint8Array",
  "undefined",
]);

/** Compares the schema that values were written under with the one they are to be read under. */
export function compareSchemas(old: SchemaJson | TSchema, now: TSchema): SchemaVerdict {
  return compare(old as SchemaJson, now as unknown as SchemaJson, "");
}

/** Whether two schemas say the same, annotations aside. */
export function sameSchema(a: SchemaJson | TSchema, b: SchemaJson | TSchema): boolean {
  return canonical(a) === canonical(b);
}

/** A value of the old schema as one of the new, for a verdict of `needs defaults`. The old value stays as it is. */
export function fillDefaults(old: SchemaJson | TSchema, now: SchemaJson | TSchema, value: unknown): unknown {
  const before = old as SchemaJson;
  const after = now as SchemaJson;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const [ofOld, ofNow] = [before["items"], after["items"]];
    if (Array.isArray(ofOld) && Array.isArray(ofNow)) return value.map((item, at) => fillDefaults(ofOld[at], ofNow[at], item));
    return isSchema(ofOld) && isSchema(ofNow) ? value.map((item) => fillDefaults(ofOld, ofNow, item)) : value;
  }
  const filled: Record<string, unknown> = { ...value };
  const [records, newRecords] = [recordOf(before), recordOf(after)];
  if (records !== undefined && newRecords !== undefined) {
    for (const [key, item] of Object.entries(filled)) setOwn(filled, key, fillDefaults(records.value, newRecords.value, item));
    return filled;
  }
  const oldFields = fieldsOf(before);
  for (const [name, schema] of Object.entries(fieldsOf(after))) {
    const known = ownField(oldFields, name);
    if (Object.hasOwn(filled, name)) {
      if (known !== undefined) setOwn(filled, name, fillDefaults(known, schema, filled[name]));
    } else if (isRequired(after, name) && "default" in schema) {
      setOwn(filled, name, Value.Clone(schema["default"]));
    }
  }
  return filled;
}

function compare(old: SchemaJson, now: SchemaJson, path: string): SchemaVerdict {
  if (canonical(old) === canonical(now) || isAnything(now)) return compatible;
  const refuse = (reason: string): SchemaVerdict => ({ kind: "refused", path, reason });
  const branches = old["anyOf"];
  if (Array.isArray(branches)) {
    return all(branches.map((branch) => {
      const verdict = compare(branch as SchemaJson, now, path);
      return verdict.kind === "needs defaults"
        ? refuse(`inside a union ${verdict.paths.join(", ")} cannot be filled in`)
        : verdict;
    }));
  }
  const into = now["anyOf"];
  if (Array.isArray(into)) {
    if (into.some((branch) => compare(old, branch as SchemaJson, path).kind === "compatible")) return compatible;
    return refuse(`${nameOf(old)} is in no branch of the union`);
  }
  if ("const" in old) {
    if ("const" in now) return refuse(`it was ${JSON.stringify(old["const"])} and is ${JSON.stringify(now["const"])}`);
    return fits(old["const"], now) ? compatible : refuse(`it was ${JSON.stringify(old["const"])} and is ${nameOf(now)}`);
  }
  if (isAnything(old)) return refuse(`it could be anything, and is ${nameOf(now)}`);
  const [type, newType] = [old["type"], now["type"]];
  if (type === "object" && newType === "object") return compareObjects(old, now, path);
  if (type === "array" && newType === "array") return all([compareBounds(old, now, path), compareItems(old, now, path)]);
  const widened = type === newType || (type === "integer" && newType === "number");
  if (!simple.has(type) || !widened || "const" in now) return refuse(`it was ${nameOf(old)} and is ${nameOf(now)}`);
  return compareBounds(old, now, path);
}

function compareObjects(old: SchemaJson, now: SchemaJson, path: string): SchemaVerdict {
  const refuse = (name: string, reason: string): SchemaVerdict => ({ kind: "refused", path: at(path, name), reason });
  const [record, newRecord] = [recordOf(old), recordOf(now)];
  if (record !== undefined || newRecord !== undefined) {
    if (record === undefined || newRecord === undefined || record.pattern !== newRecord.pattern) {
      return { kind: "refused", path, reason: `it was ${nameOf(old)} and is ${nameOf(now)}, or has other keys` };
    }
    return all([compareBounds(old, now, path), compare(record.value, newRecord.value, at(path, "*"))]);
  }
  const [fields, newFields] = [fieldsOf(old), fieldsOf(now)];
  const verdicts: SchemaVerdict[] = [compareBounds(old, now, path)];
  for (const [name, schema] of Object.entries(newFields)) {
    const before = ownField(fields, name);
    const needed = isRequired(now, name) && !(before !== undefined && isRequired(old, name));
    if (before !== undefined) verdicts.push(compare(before, schema, at(path, name)));
    if (!needed) continue;
    if ("default" in schema && !Value.Check(schema as unknown as TSchema, schema["default"])) {
      verdicts.push(refuse(name, "it is to be filled in, but its default does not match it"));
    } else if ("default" in schema) verdicts.push({ kind: "needs defaults", paths: [at(path, name)] });
    else if (before === undefined) verdicts.push(refuse(name, "it is new and required, and has no default"));
    else verdicts.push(refuse(name, "it was optional and is required, and has no default"));
  }
  const rest = now["additionalProperties"];
  if (rest !== undefined && rest !== true) {
    const oldRest = old["additionalProperties"];
    for (const [name, schema] of Object.entries(fields)) {
      if (ownField(newFields, name) !== undefined) continue;
      if (rest === false) verdicts.push(refuse(name, "it was removed, and the schema allows no other fields"));
      else verdicts.push(compare(schema, rest as SchemaJson, at(path, name)));
    }
    if (oldRest !== false && (oldRest === undefined || oldRest === true)) {
      verdicts.push({ kind: "refused", path, reason: "other fields were allowed and are not any more" });
    } else if (oldRest !== false && (rest === false || canonical(oldRest) !== canonical(rest))) {
      verdicts.push({ kind: "refused", path, reason: "other fields may not be as they could" });
    }
  }
  return all(verdicts);
}

function compareItems(old: SchemaJson, now: SchemaJson, path: string): SchemaVerdict {
  const [items, newItems] = [old["items"], now["items"]];
  if (Array.isArray(items) && Array.isArray(newItems)) {
    if (items.length !== newItems.length) {
      return { kind: "refused", path, reason: `it had ${items.length} items and has ${newItems.length}` };
    }
    return all(items.map((item, index) => compare(item as SchemaJson, newItems[index] as SchemaJson, at(path, `${index}`))));
  }
  if (isSchema(items) && isSchema(newItems)) return compare(items, newItems, at(path, "*"));
  if (Array.isArray(items) && isSchema(newItems)) {
    return all(
      items.map((item, index) => compare(item as SchemaJson, newItems, at(path, `${index}`)))
        .map((verdict) =>
          verdict.kind === "needs defaults"
            ? { kind: "refused", path, reason: "the items of a tuple cannot be filled in" }
            : verdict
        ),
    );
  }
  return canonical(items) === canonical(newItems) ? compatible : { kind: "refused", path, reason: "its items are others" };
}

function compareBounds(old: SchemaJson, now: SchemaJson, path: string): SchemaVerdict {
  const refuse = (name: string): SchemaVerdict => {
    const was = old[name] === undefined ? "had no" : `had ${name} ${JSON.stringify(old[name])}, not`;
    return { kind: "refused", path, reason: `it ${was} ${name} ${JSON.stringify(now[name])}` };
  };
  for (const name of lowerBounds) if (now[name] !== undefined && !(number(old[name]) >= number(now[name]))) return refuse(name);
  for (const name of upperBounds) if (now[name] !== undefined && !(number(old[name]) <= number(now[name]))) return refuse(name);
  for (const name of exact) if (now[name] !== undefined && canonical(old[name]) !== canonical(now[name])) return refuse(name);
  return compatible;
}

function number(bound: unknown): number {
  return typeof bound === "number" ? bound : NaN;
}

/** Refused if any is; defaults of all together. */
function all(verdicts: readonly SchemaVerdict[]): SchemaVerdict {
  const refused = verdicts.find((verdict) => verdict.kind === "refused");
  if (refused !== undefined) return refused;
  const paths = verdicts.flatMap((verdict) => (verdict.kind === "needs defaults" ? verdict.paths : []));
  return paths.length === 0 ? compatible : { kind: "needs defaults", paths };
}

/** Whether a constant is a value of a schema without parts. */
function fits(value: unknown, { type, ...rest }: SchemaJson): boolean {
  if (Object.keys(rest).some((key) => !annotations.has(key))) return false;
  if (type === "integer") return Number.isInteger(value);
  return (type === "string" || type === "number" || type === "boolean") && typeof value === type;
}

function recordOf(schema: SchemaJson): { readonly pattern: string; readonly value: SchemaJson } | undefined {
  const patterns = Object.entries(Object(schema["patternProperties"]) as Record<string, SchemaJson>);
  const [first, ...others] = patterns;
  return first === undefined || others.length > 0 ? undefined : { pattern: first[0], value: first[1] };
}

function fieldsOf(schema: SchemaJson): Readonly<Record<string, SchemaJson>> {
  return Object(schema["properties"]) as Record<string, SchemaJson>;
}

function ownField(fields: Readonly<Record<string, SchemaJson>>, name: string): SchemaJson | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}

function isRequired(schema: SchemaJson, name: string): boolean {
  return Array.isArray(schema["required"]) && schema["required"].includes(name);
}

function isSchema(value: unknown): value is SchemaJson {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `Type.Any()` and `Type.Unknown()`. */
function isAnything(schema: SchemaJson): boolean {
  return Object.keys(schema).every((key) => annotations.has(key));
}

function nameOf(schema: SchemaJson): string {
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["anyOf"])) return "a union";
  if (recordOf(schema) !== undefined) return "a record";
  const { type } = schema;
  return isAnything(schema) ? "anything" : typeof type === "string" ? type : "a schema that is compared as a whole";
}

function at(path: string, name: string): string {
  return `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** JSON in an order of its own, without annotations. */
function canonical(schema: unknown): string {
  return JSON.stringify(ordered(schema, true)) ?? "";
}

function ordered(value: unknown, isKeyword: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => ordered(item, true));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => !isKeyword || !annotations.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => {
      if (isKeyword && key === "required" && Array.isArray(item)) return [key, [...item].sort()];
      return [key, ordered(item, !(isKeyword && (key === "properties" || key === "patternProperties")))];
    });
  return entries;
}
