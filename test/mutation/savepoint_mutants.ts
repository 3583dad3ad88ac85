import type { Mutant } from "./mutant.ts";

const savepoint = "runtime/checkpoint/savepoint.ts";
const choice = "runtime/master/choose_snapshot.ts";

/** Rules of savepoints, and of going back to them. */
export const savepointMutants: readonly Mutant[] = [
  {
    name: "a savepoint leaves out what an earlier checkpoint holds",
    file: savepoint,
    find: `      ...(below === undefined ? {} : { below: below.map(move) }),\n`,
    replace: `      ...(below === undefined ? {} : {}),\n`,
    why: "the state is only what changed since the checkpoint before the savepoint",
  },
  {
    name: "a savepoint leaves out the records under way",
    file: savepoint,
    find: `captured: move(channel.captured) }))`,
    replace: `captured: [] }))`,
    why: "records in flight at an unaligned savepoint are lost by whoever goes back to it",
  },
  {
    name: "what was shown since a savepoint stays",
    file: choice,
    find: `  for (const act of takeBack) await act();\n`,
    replace: `  void takeBack;\n`,
    why: "what the sink has shown since the savepoint is shown a second time",
  },
  {
    name: "goes on from the newest checkpoint although it was told a savepoint",
    file: choice,
    find: `options.first || stored.length === 0 ? settings.from : undefined`,
    replace: `stored.length === 0 ? settings.from : undefined`,
    why: "the job is not taken back to where its owner wants it",
  },
];
