import { canonical } from "./canonical.ts";
import type { Violation } from "./violation.ts";

/** How strictly an output is held against the one without faults. */
export type Strictness =
  /** The same records, each as often. */
  | "exactly once"
  /** Every record at least as often. */
  | "at least once"
  /** The same set of records. */
  | "same set";

/** How many violations of one kind are said, at most. */
const said = 3;

/** What differs, whatever the order. */
export function compareRecords(
  what: string,
  expected: readonly unknown[],
  actual: readonly unknown[],
  strictness: Strictness,
): Violation[] {
  const want = tally(expected);
  const got = tally(actual);
  const lost: Violation[] = [];
  const surplus: Violation[] = [];
  const sets = strictness === "same set";
  for (const [record, times] of want) {
    const found = got.get(record) ?? 0;
    if (sets ? found === 0 : found < times) {
      lost.push({ kind: "lost", text: `lost in ${what}: ${short(record)} (${found} of ${times})` });
    }
  }
  for (const [record, times] of got) {
    const wanted = want.get(record) ?? 0;
    if (strictness === "at least once" || (sets ? wanted > 0 : times <= wanted)) continue;
    surplus.push({ kind: "surplus", text: `too many in ${what}: ${short(record)} (${times} for ${wanted})` });
  }
  return [...few(lost), ...few(surplus)];
}

/** Where records of one key come in another order. Those that are not the same records are another comparison's affair. */
export function compareOrder(
  what: string,
  expected: readonly unknown[],
  actual: readonly unknown[],
  keyOf: (record: unknown) => unknown,
): Violation[] {
  const want = byKey(expected, keyOf);
  const found: Violation[] = [];
  for (const [key, records] of byKey(actual, keyOf)) {
    const wanted = want.get(key) ?? [];
    const at = records.findIndex((record, index) => record !== wanted[index]);
    if (at < 0 || records.length !== wanted.length) continue;
    found.push({
      kind: "order",
      text: `out of order in ${what}, key ${short(key)}: ${short(records[at] ?? "")} where ${short(wanted[at] ?? "")} comes`,
    });
  }
  return few(found);
}

/** What differs between what is outside after two runs: arrays whatever their order, all else as a whole. */
export function compareOutside(
  name: string,
  expected: unknown,
  actual: unknown,
  strictness: Strictness,
): Violation[] {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return compareRecords(`outside "${name}"`, expected, actual, strictness);
  }
  const [want, got] = [canonical(expected), canonical(actual)];
  if (want === got) return [];
  return [{ kind: "outside", text: `outside "${name}" is ${short(got)}; without faults it is ${short(want)}` }];
}

function tally(records: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const record of records) {
    const text = canonical(record);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

function byKey(records: readonly unknown[], keyOf: (record: unknown) => unknown): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const record of records) {
    const key = canonical(keyOf(record));
    const own = keys.get(key);
    if (own === undefined) keys.set(key, [canonical(record)]);
    else own.push(canonical(record));
  }
  return keys;
}

function few(found: readonly Violation[]): Violation[] {
  const more = found.length - said;
  const first = found.slice(0, said);
  const last = first.at(-1);
  if (more <= 0 || last === undefined) return first;
  return [...first.slice(0, -1), { ...last, text: `${last.text}, and ${more} more like it` }];
}

function short(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
