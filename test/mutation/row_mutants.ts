import type { Mutant } from "./mutant.ts";

const table = "runtime/state/heap_table.ts";
const section = "runtime/state/heap_section.ts";
const killer = "test/state/rows.test.ts";

/** Values that are out of their rows, and what snapshots see of them. */
export const rowMutants: readonly Mutant[] = [
  {
    name: "a cut leaves values that are out of their rows as they were",
    file: "runtime/state/entry_rows.ts",
    find: `    for (let place = 0; place < this.hand.length; place++) this.makeRoom(place);\n`,
    replace: ``,
    why: "what was changed before the cut and is still out of its row is missing in the snapshot",
    killer,
  },
  {
    name: "a value whose place is needed is not put back into its row",
    file: "runtime/state/entry_rows.ts",
    find: `if (entry === undefined || entry.stamp < this.present.stamp) return entry;`,
    replace: `if (entry === undefined || entry.stamp >= 0) return entry;`,
    why: "its changes since the last snapshot are lost",
    killer,
  },
  {
    name: "a row is not kept for the snapshot that has not written it",
    file: section,
    find: `    (last as KeptRows).add(rows, at);\n`,
    replace: ``,
    why: "a value that changes while the snapshot is written is missing in it",
    killer,
  },
  {
    name: "a value that has left its row is not noted again",
    file: table,
    find: `      this.changes.moved(entry, entry.group);\n`,
    replace: ``,
    why: "the note is of the row: the next delta does not have the value",
    killer,
  },
  {
    name: "a row that was taken by another key since the cut is written for it",
    file: "runtime/state/row_chunks.ts",
    find: `if (stamp >= least && stamp <= most) found[count++] = at;`,
    replace: `if (stamp >= least) found[count++] = at;`,
    why: "a snapshot has what came after it",
    killer,
  },
  {
    name: "which rows were touched is forgotten when there are more of them",
    file: "runtime/state/row_group.ts",
    find: `    this.marks.set(marks);\n`,
    replace: ``,
    why: "what was changed before is missing in the next delta",
    killer,
  },
  {
    name: "marks of rows are not taken with a cut",
    file: "runtime/state/entry_rows.ts",
    find: `return this.groups.map((rows) => rows.takeMarks());`,
    replace: `return this.groups.map(() => new Int32Array(0));`,
    why: "no delta has any row that was changed",
    killer,
  },
  {
    name: "a row that is new has no mark",
    file: "runtime/state/entry_rows.ts",
    find: `    this.of(group).mark(at);\n`,
    replace: ``,
    why: "it has the stamp of its epoch from the beginning, and so gets none later",
    killer,
  },
  {
    name: "the last rows of a group are not looked for",
    file: "runtime/state/touched_rows.ts",
    find: `Math.max(most, length), 0)`,
    replace: `Math.max(most, length - 1), 0)`,
    why: "what was changed in them is missing in the next delta",
    killer,
  },
  {
    name: "a delta has the rows of the last epoch only",
    file: "runtime/state/cut.ts",
    find: `epochs.flatMap(({ rows }) =>`,
    replace: `epochs.slice(-1).flatMap(({ rows }) =>`,
    why: "what was changed before a checkpoint that was aborted is missing in the next one",
    killer,
  },
  {
    name: "rows are left out where other entries are found by their stamps",
    file: "runtime/state/section_cut.ts",
    find: `if (codec.rows !== undefined) yield*`,
    replace: `if (codec.rows !== undefined && (cut.whole || cut.changed !== undefined)) yield*`,
    why: "rows that were changed are missing in a delta with many other changes",
    killer,
  },
  {
    name: "an entry that has left its row is taken for one that is in it",
    file: table,
    find: `(entry) => entry instanceof RowEntry && entry.at >= 0);`,
    replace: `(entry) => entry instanceof RowEntry);`,
    why: "when it is changed again it is not noted, and the next delta does not have it",
    killer,
  },
  {
    name: "rows begin while a snapshot is being written",
    file: table,
    find: `if (this.changes.writing) return;`,
    replace: ``,
    why: "what was not yet written of a group leaves the map that is being walked",
    killer,
  },
];
