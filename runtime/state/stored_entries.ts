import { type Key, keyIdentity } from "../graph/key.ts";
import type { ByteReader, KeyGroupRange } from "../graph/operator.ts";
import { damaged, type GroupOf, groupsOf, openKeyedPart, readChunks, readWith } from "./keyed_part.ts";
import { replacedAbove } from "./keyed_restore.ts";

/** Something that a snapshot holds for a key, read without its operator. */
export interface StoredEntry {
  /** The state's name; of timers and windows the runtime's name for them. */
  readonly name: string;
  readonly kind: string;
  readonly key: Key;
  readonly keyGroup: number;
  /** Of a list an array, of a map a `Map`; of a timer `{ at, name }`, of a window `{ end, value }`. */
  readonly value: unknown;
  /** When it expires, in wall-clock milliseconds; undefined for what never does. */
  readonly expiresAt: number | undefined;
}

type Columns = readonly (readonly unknown[])[];
type Change = readonly [identity: string, entry: Omit<StoredEntry, "name" | "kind" | "keyGroup"> | undefined];

/**
 * The entries of one old subtask, by key group; those of one group at a time are in memory, or of several that share a chunk.
 *
 * @param layers the oldest first
 * @throws {SluiceError} `STATE_DAMAGED`
 */
export async function* storedEntries(
  uid: string,
  subtask: number,
  layers: readonly ByteReader[],
): AsyncGenerator<StoredEntry, void, undefined> {
  const parts = await Promise.all(layers.map((layer) => readWith(layer, openKeyedPart(uid, subtask, layer.length))));
  for (const range of disjoint(parts.flatMap(groupsOf))) {
    const found = new Map<string, StoredEntry>();
    for (const [at, part] of parts.entries()) {
      const wanted = part.sections.map(({ name }) => !replacedAbove(parts, at, name));
      const take = (section: number, groupOf: GroupOf, content: unknown): void => {
        const { name, kind } = part.sections[section]!;
        for (const [identity, entry] of changesOf(kind, content, `state ${name} of operator ${uid}, old subtask ${subtask},`)) {
          if (entry === undefined) found.delete(`${name} ${identity}`);
          else found.set(`${name} ${identity}`, { name: name.replace(/^~/, ""), kind, keyGroup: groupOf(entry.key), ...entry });
        }
      };
      await readWith(layers[at]!, readChunks(uid, part, range, wanted, take));
    }
    yield* [...found.values()].sort((a, b) => a.keyGroup - b.keyGroup);
  }
}

/** The key groups of chunks, in as many ranges as can be without a chunk that is of two of them. */
function disjoint(chunks: readonly KeyGroupRange[]): readonly KeyGroupRange[] {
  const ranges: KeyGroupRange[] = [];
  for (const { first, last } of [...chunks].sort((a, b) => a.first - b.first)) {
    const before = ranges.at(-1);
    if (before === undefined || before.last < first) ranges.push({ first, last });
    else if (before.last < last) ranges[ranges.length - 1] = { first: before.first, last };
  }
  return ranges;
}

/** What a chunk says, in its order. */
function changesOf(kind: string, content: unknown, where: string): Iterable<Change> {
  const columns = Array.isArray(content) ? content as Columns : [];
  const [first] = columns;
  if (!Array.isArray(first) || columns.some((column) => !Array.isArray(column) || column.length !== first.length)) {
    throw damaged(where, "a chunk is not of columns");
  }
  switch (kind) {
    case "timers":
      return rows(columns, ([key, at, name, order]) => [
        `${identityText(key)} ${String(at)} ${String(name)}`,
        order === undefined ? undefined : { key: key as Key, value: { at, name }, expiresAt: undefined },
      ]);
    case "window":
      return rows(columns, ([end, key, value, order]) => [
        `${identityText(key)} ${String(end)}`,
        order === undefined ? undefined : { key: key as Key, value: { end, value }, expiresAt: undefined },
      ]);
    default:
      return rows(columns, ([key, packed, expires]) => [
        identityText(key),
        columns.length === 1 ? undefined : {
          key: key as Key,
          value: kind === "map" ? mapOf(packed, where) : packed,
          expiresAt: typeof expires === "number" ? expires : undefined,
        },
      ]);
  }
}

function* rows(columns: Columns, read: (row: readonly unknown[]) => Change): Iterable<Change> {
  for (let at = 0; at < columns[0]!.length; at++) yield read(columns.map((column) => column[at]));
}

function mapOf(packed: unknown, where: string): Map<unknown, unknown> {
  const [keys, values] = Array.isArray(packed) ? packed as readonly unknown[] : [];
  if (!Array.isArray(keys) || !Array.isArray(values)) throw damaged(where, "a map is not of keys and values");
  return new Map(keys.map((key, at) => [key, values[at]]));
}

/** Tells keys of different types apart. */
function identityText(key: unknown): string {
  const identity = keyIdentity(key as Key);
  return `${typeof identity} ${String(identity)}`;
}
