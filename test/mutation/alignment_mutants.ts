import type { Mutant } from "./mutant.ts";

const aligner = "runtime/checkpoint/aligner.ts";
const participant = "runtime/task/participant.ts";
const gate = "runtime/task/gate.ts";

/** Rules of when a subtask snapshots, and what waits for it. */
export const alignmentMutants: readonly Mutant[] = [
  {
    name: "forgets to unblock",
    file: aligner,
    find: `  for (const input of checkpoint.arrived.keys()) hold(state, input, actions);
}

function kill(`,
    replace: `}

function kill(`,
    why: "after the snapshot inputs stay blocked at its barrier",
  },
  {
    name: "forgets to unblock at an abort",
    file: aligner,
    find: `  if (!checkpoint.started) { for (const input of checkpoint.arrived.keys()) hold(state, input, actions); }\n`,
    replace: "",
    why: "an input that waited for an aborted checkpoint waits for ever",
  },
  {
    name: "does not wait for aligned inputs",
    file: aligner,
    find: `  if (checkpoint.reachedAligned < policies.aligned) return;\n`,
    replace: "",
    why: "an aligned subtask snapshots while barriers are still on their way",
    killer: "test/checkpoint/aligner.test.ts",
  },
  {
    name: "holds no input",
    file: gate,
    find: `    input.hold = afterSeq;\n`,
    replace: "",
    why: "frames behind the barrier are processed before the snapshot",
  },
  {
    name: "does not hold one input",
    file: aligner,
    find: `  if (!checkpoint.started) hold(state, input, actions);\n`,
    replace: `  if (!checkpoint.started && input !== 1) hold(state, input, actions);\n`,
    why: "frames behind the barrier are processed before the snapshot, on one input",
  },
  {
    name: "a late barrier reopens an aborted checkpoint",
    file: aligner,
    find: `  if (isDead(state, id)) return;
  if (id < state.started`,
    replace: `  if (id < state.started`,
    why: "the late barrier of an aborted checkpoint blocks its input, and the others never come",
    killer: "test/checkpoint/aligner.test.ts",
  },
  {
    name: "starts an older checkpoint after a newer one",
    file: aligner,
    find: `  for (const older of [...state.open.values()]) {
    if (older.id < id && !older.started) kill(state, older.id, "a newer checkpoint started first", actions);
  }
  checkpoint.started = true;`,
    replace: `  checkpoint.started = true;`,
    why: "a subtask's snapshots are out of order: what the older one holds is newer than its cut",
    killer: "test/checkpoint/aligner.test.ts",
  },
  {
    name: "waits for a barrier that was overtaken",
    file: aligner,
    find: `    if (older.id < id && !older.arrived.has(input)) kill(state, older.id, "overtaken on an input", actions);\n`,
    replace: "",
    why: "barrier n+1 shows that n never comes on this input; whoever waits for it waits for ever",
    killer: "test/checkpoint/aligner.test.ts",
  },
  {
    name: "an abort does not reach the aligner",
    file: participant,
    find: `  abort(id: CheckpointId): void {
    this.#step({ kind: "abort", id });`,
    replace: `  abort(id: CheckpointId): void {
    void id;`,
    why: "blocks of an aborted checkpoint stay",
    killer: "test/scenarios/aborts.test.ts",
  },
];
