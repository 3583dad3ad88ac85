import { SluiceError } from "../../actors/error.ts";
import type { KeyGroupRange, RestoredPart } from "../graph/operator.ts";
import { chunksOf, damaged, hasContent, type KeyedPart, type KeyedSection, openKeyedPart, type PartNotes } from "./keyed_part.ts";

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

/**
 * Gives the content of an owner's key groups to its sections, from the parts of all old subtasks, in the order of these.
 *
 * @throws {SluiceError} `STATE_UNKNOWN` for content that has no section here; `STATE_MISMATCH` for a section of another kind or
 *   description, or another number of key groups; `STATE_DAMAGED` for parts that cannot be read or do not cover the range
 */
export function restoreSections(
  owner: KeyedOwner,
  sections: readonly KeyedSection[],
  restored: readonly RestoredPart[],
): readonly OldSubtask[] {
  const { uid, range } = owner;
  const keyed = restored.filter((part) => part.scope === "keyed").sort((a, b) => a.subtask - b.subtask);
  const olds = keyed.map(({ subtask, bytes, below }) =>
    [...below ?? [], bytes].map((layer) => openKeyedPart(uid, subtask, layer))
  );
  const parts = olds.map((layers) => layers.at(-1)!);
  if (parts.length > 0) assertCovers(owner, parts);
  for (const layers of olds) {
    for (const [index, layer] of layers.entries()) {
      const wanted = (section: number) => !replacedAbove(layers, index, layer.sections[section]!.name);
      const loaders = layer.sections.map((_, section) => loaderOf(uid, layer, section, sections));
      if (layer.range.last < range.first || layer.range.first > range.last) continue;
      for (const { group, section, content } of chunksOf(uid, layer, range, wanted)) loaders[section]!(group, content);
    }
  }
  for (const section of sections) section.restored();
  return parts.map(({ subtask, range: old, notes }) => ({ subtask, range: old, notes }));
}

/** Whether a younger layer has the section as a whole: what older ones say of it is over. */
function replacedAbove(layers: readonly KeyedPart[], index: number, name: string): boolean {
  return layers.slice(index + 1).some((layer) => layer.sections.some((section) => section.name === name && section.whole));
}

/** Every subtask judges every section, so that all of them refuse or none does. */
function loaderOf(uid: string, part: KeyedPart, index: number, sections: readonly KeyedSection[]) {
  const stored = part.sections[index]!;
  const section = sections.find(({ name }) => name === stored.name);
  if (section === undefined) {
    if (!hasContent(part, index)) return () => {};
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
