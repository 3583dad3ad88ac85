import { SluiceError } from "../../actors/error.ts";
import type { KeyGroupRange, RestoredPart, StoredPart } from "../graph/operator.ts";
import {
  damaged,
  type GroupOf,
  hasContent,
  type KeyedPart,
  type KeyedSection,
  openKeyedPart,
  type PartNotes,
  readChunks,
  type Reading,
  type WantedBytes,
} from "./keyed_part.ts";

/** Who wants keyed state back. */
export interface KeyedOwner {
  readonly uid: string;
  readonly range: KeyGroupRange;
  readonly keyGroupCount: number;
}

/** What an old subtask said of itself. */
export interface OldSubtask {
  readonly subtask: number;
  readonly range: KeyGroupRange;
  readonly notes: PartNotes;
}

/** The layers of an old subtask's part: how long each is, the oldest first. */
export interface KeyedLayers {
  readonly subtask: number;
  readonly lengths: readonly number[];
  /** Names of its states that nobody has any more. */
  readonly dropped?: ReadonlySet<string> | undefined;
}

/** A run of bytes of a layer of a part; both by their index. */
export interface WantedOfLayer extends WantedBytes {
  readonly part: number;
  readonly layer: number;
}

/**
 * Gives the content of an owner's key groups to its sections, from the parts of all old subtasks, which are in the order of
 * these. Every byte is asked for at most once, and what was given is not kept.
 *
 * @throws {SluiceError} `STATE_UNKNOWN` for content that has no section here; `STATE_MISMATCH` for a section of another kind or
 *   description, or another number of key groups; `STATE_DAMAGED` for parts that cannot be read or do not cover the range
 */
function* restoreSections(
  owner: KeyedOwner,
  sections: readonly KeyedSection[],
  restored: readonly KeyedLayers[],
): Reading<readonly OldSubtask[], WantedOfLayer> {
  const { uid, range } = owner;
  const dropped = new Set(restored.flatMap((part) => [...part.dropped ?? []]));
  const olds: (readonly KeyedPart[])[] = [];
  for (const [part, { subtask, lengths }] of restored.entries()) {
    const layers: KeyedPart[] = [];
    for (const [layer, length] of lengths.entries()) {
      layers.push(yield* ofLayer(part, layer, openKeyedPart(uid, subtask, length)));
    }
    olds.push(layers);
  }
  const parts = olds.map((layers) => layers.at(-1)!);
  if (parts.length > 0) assertCovers(owner, parts);
  for (const [part, layers] of olds.entries()) {
    for (const [index, layer] of layers.entries()) {
      const wanted = layer.sections.map(({ name }) => !replacedAbove(layers, index, name));
      const loaders = layer.sections.map((_, section) => loaderOf(uid, layer, section, sections, dropped));
      if (layer.range.last < range.first || layer.range.first > range.last) continue;
      const take = (section: number, groupOf: GroupOf, content: unknown) => loaders[section]!(groupOf, content);
      yield* ofLayer(part, index, readChunks(uid, layer, range, wanted, take));
    }
  }
  for (const section of sections) section.restored();
  return parts.map(({ subtask, range: old, notes }) => ({ subtask, range: old, notes }));
}

function* ofLayer<T>(part: number, layer: number, reading: Reading<T>): Reading<T, WantedOfLayer> {
  let step = reading.next();
  while (step.done !== true) step = reading.next(yield { part, layer, ...step.value });
  return step.value;
}

/** Restores from parts that are in memory. Throws as {@link restoreFromReaders} rejects. */
export function restoreFromBytes(
  owner: KeyedOwner,
  sections: readonly KeyedSection[],
  restored: readonly RestoredPart[],
): readonly OldSubtask[] {
  const keyed = restored.filter((part) => part.scope === "keyed").sort((a, b) => a.subtask - b.subtask)
    .map(({ bytes, below = [], ...part }) => ({ ...part, layers: [...below, bytes] }));
  const lengths = keyed.map(({ subtask, dropped, layers }) => ({
    subtask,
    dropped,
    lengths: layers.map(({ length }) => length),
  }));
  return fromLayers(restoreSections(owner, sections, lengths), keyed.map(({ layers }) => layers));
}

/** Gives a reading what it asks for, of layers by part. */
function fromLayers<T>(reading: Reading<T, WantedOfLayer>, parts: readonly (readonly Uint8Array[])[]): T {
  let step = reading.next();
  while (step.done !== true) {
    const { part, layer, offset, length } = step.value;
    step = reading.next(parts[part]![layer]!.subarray(offset, offset + length));
  }
  return step.value;
}

/** So little is read at once: to wait for each piece by itself would take longer than what is done with it. */
const atOnceBytes = 256 * 1024;

/**
 * Restores from parts that are read piece by piece; where there is little of them, at once.
 * @throws {SluiceError} `STATE_UNKNOWN`, `STATE_MISMATCH` or `STATE_DAMAGED`, and what the readers reject with
 */
export async function restoreFromReaders(
  owner: KeyedOwner,
  sections: readonly KeyedSection[],
  stored: readonly StoredPart[],
): Promise<readonly OldSubtask[]> {
  const keyed = stored.filter((part) => part.scope === "keyed").sort((a, b) => a.subtask - b.subtask);
  const lengths = keyed.map(({ subtask, dropped, layers }) => ({
    subtask,
    dropped,
    lengths: layers.map(({ length }) => length),
  }));
  const reading = restoreSections(owner, sections, lengths);
  if (lengths.flatMap((part) => part.lengths).reduce((sum, length) => sum + length, 0) <= atOnceBytes) {
    const whole = keyed.map(({ layers }) => Promise.all(layers.map((layer) => layer.read(0, layer.length))));
    return fromLayers(reading, await Promise.all(whole));
  }
  let step = reading.next();
  while (step.done !== true) {
    const { part, layer, offset, length } = step.value;
    step = reading.next(await keyed[part]!.layers[layer]!.read(offset, length));
  }
  return step.value;
}

/** Whether a younger layer has the section as a whole: what older ones say of it is over. */
export function replacedAbove(layers: readonly KeyedPart[], index: number, name: string): boolean {
  return layers.slice(index + 1).some((layer) => layer.sections.some((section) => section.name === name && section.whole));
}

/** Every subtask judges every section, so that all of them refuse or none does. */
function loaderOf(
  uid: string,
  part: KeyedPart,
  index: number,
  sections: readonly KeyedSection[],
  dropped: ReadonlySet<string>,
) {
  const stored = part.sections[index]!;
  const section = sections.find(({ name }) => name === stored.name);
  if (section === undefined) {
    if (!hasContent(part, index) || dropped.has(stored.name)) return () => {};
    throw new SluiceError(
      "STATE_UNKNOWN",
      `the snapshot holds ${label(stored.name)} of operator ${uid}, which the operator no longer has; declare it again under ` +
        `the same name, or start without this checkpoint`,
    );
  }
  if (section.kind !== stored.kind) {
    throw new SluiceError(
      "STATE_MISMATCH",
      `${
        label(stored.name)
      } of operator ${uid} is a ${section.kind}, but a ${stored.kind} in the snapshot; declare it as it was, ` +
        `give the new one another name, or start without this checkpoint`,
    );
  }
  return section.accept(stored);
}

function label(name: string): string {
  return name.startsWith("~") ? name.slice(1) : `state ${name}`;
}

function assertCovers({ uid, range, keyGroupCount }: KeyedOwner, parts: readonly KeyedPart[]): void {
  for (const part of parts) {
    if (part.keyGroupCount === keyGroupCount) continue;
    throw new SluiceError(
      "STATE_MISMATCH",
      `operator ${uid} has ${keyGroupCount} key groups, but ${part.keyGroupCount} in the snapshot; they are fixed for the ` +
        `life of a job: set them back`,
    );
  }
  for (let group = range.first; group <= range.last; group++) {
    const holders = parts.filter((part) => part.range.first <= group && group <= part.range.last);
    if (holders.length === 1) continue;
    const reason = holders.length === 0 ? "is missing" : `is in those of old subtasks ${holders.map((part) => part.subtask)}`;
    throw damaged(`the keyed state of operator ${uid}`, `key group ${group} ${reason}`);
  }
}
