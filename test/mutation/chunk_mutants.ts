import type { Mutant } from "./mutant.ts";

const cut = "runtime/state/section_cut.ts";
const part = "runtime/state/keyed_part.ts";
const killer = "test/state/heap_backend.test.ts";

/** Chunks of keyed state that several key groups share. */
export const chunkMutants: readonly Mutant[] = [
  {
    name: "of groups that share a chunk what was kept of the first only is written",
    file: cut,
    find: `for (let group = first; group <= last; group++) {`,
    replace: `for (let group = first; group <= first; group++) {`,
    why: "a value that changes while its group is written with others is missing in the snapshot",
    killer,
  },
  {
    name: "of groups that share a chunk the first only is written",
    file: cut,
    find: `new GroupedItems(groups, codec.items)`,
    replace: `new GroupedItems({ first, last: first }, codec.items)`,
    why: "the values of all other groups are missing in a whole snapshot",
    killer,
  },
  {
    name: "a shared chunk's keys of other subtasks are taken for wanted",
    file: part,
    find: `return group < range.first || group > range.last ? -1 : group;`,
    replace: `return group;`,
    why: "two subtasks have the same key, or a table is asked for a group that it does not have",
    killer,
  },
  {
    name: "a chunk that begins before the wanted groups is passed over",
    file: part,
    find: `if (last < range.first || first > range.last || wanted[section] !== true) continue;`,
    replace: `if (first < range.first || first > range.last || wanted[section] !== true) continue;`,
    why: "after a rescale the keys at the border of two subtasks are lost",
    killer,
  },
  {
    name: "what does not fill a shared chunk of rows is not written",
    file: "runtime/state/row_chunks.ts",
    find: `    yield this.kept(rows, copies);\n  }\n`,
    replace: `  }\n`,
    why: "of a large table of which little has changed the delta has nothing",
    killer: "test/state/chunks_of_groups.test.ts",
  },
];
