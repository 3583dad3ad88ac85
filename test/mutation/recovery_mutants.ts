import type { Mutant } from "./mutant.ts";

const coordinator = "runtime/checkpoint/coordinator.ts";
const sink = "runtime/task/sink_operator.ts";
const snapshot = "runtime/master/restore.ts";
const load = "runtime/task/load.ts";

/** Rules of completion, recovery, sources and sinks. */
export const recoveryMutants: readonly Mutant[] = [
  {
    name: "completes without the last acknowledgement",
    file: coordinator,
    find: `pending.acknowledgements.length === state.subtasks`,
    replace: `pending.acknowledgements.length >= state.subtasks - 1`,
    why: "a checkpoint is declared complete that one subtask has no part in",
    killer: "test/checkpoint/coordinator.test.ts",
  },
  {
    name: "completing leaves older checkpoints open",
    file: coordinator,
    find: `    if (older < id) abort(state, older, \`checkpoint \${id} completed first\`, undefined, nowMs, actions);\n`,
    replace: `    void older;\n`,
    why: "an older checkpoint completes after a newer one, or stays open for ever",
    killer: "test/checkpoint/coordinator.test.ts",
  },
  {
    name: "commits before the checkpoint is stored",
    file: coordinator,
    find: `  if (savepoint === undefined) actions.push({ kind: "complete", id, acknowledgements });`,
    replace: `  if (savepoint === undefined) {
    actions.push({ kind: "announce", id, again: false }, { kind: "complete", id, acknowledgements });
  }`,
    why: "output is shown of a checkpoint that may never complete",
    killer: "test/scenarios/not_stored.test.ts",
  },
  {
    name: "a data file that is sealed after its checkpoint was aborted stays",
    file: "runtime/checkpoint/checkpoint_files.ts",
    find: `        if (this.#isOver(id)) return void writer.discard();`,
    replace: `        void this.#isOver;`,
    why: "what was captured for an aborted checkpoint is left on the disk, and reported",
    killer: "test/scenarios/museum.test.ts",
  },
  {
    name: "ends before the sinks have committed",
    file: coordinator,
    find: `  if (state.last === undefined || unreported(state)) return;`,
    replace: `  if (state.last === undefined) return;`,
    why: "the job is over while its last output is not visible",
  },
  {
    name: "reuses checkpoint ids",
    file: "runtime/master/master.ts",
    find: `    this.#nextCheckpointId = running.checkpoints.nextId;\n`,
    replace: "",
    why: "two checkpoints of different attempts have one id",
  },
  {
    name: "restores the oldest checkpoint",
    file: "runtime/master/choose_snapshot.ts",
    find: `  for (const checkpoint of candidates) {`,
    replace: `  for (const checkpoint of [...candidates].reverse()) {`,
    why: "records whose effects are visible are processed again",
  },
  {
    name: "continues behind what was processed",
    file: snapshot,
    find: `input: { received: sent, processed: { seq: sent, elements: 0 },`,
    replace: `input: { received: channel.processed.seq, processed: { seq: channel.processed.seq, elements: 0 },`,
    why: "the sender continues at sent + 1; a receiver that expects processed + 1 waits for frames that never come",
  },
  {
    name: "restores a half-processed frame whole",
    file: "runtime/task/input_channel.ts",
    find: `elements: first.skip }`,
    replace: `elements: 0 }`,
    why: "records already in the state are processed again",
  },
  {
    name: "puts captured frames back without their last",
    file: snapshot,
    find: `      if (frames.length === 0) continue;`,
    replace: `      frames.pop();
      if (frames.length === 0) continue;`,
    why: "captured records are not put back",
  },
  {
    name: "takes a replica of broadcast state from one old subtask, and what that had still to read from another",
    file: snapshot,
    find: `    const origin = this.#broadcastOrigin(task) ?? 0;`,
    replace: `    const origin = ((this.#broadcastOrigin(task) ?? 0) + 1) % (this.#oldParallelism.get(task.id) ?? 1);`,
    why: "replicas have broadcast records twice, or lack some",
    killer: "test/rescale/many.test.ts",
  },
  {
    name: "takes source positions after the barrier",
    file: "runtime/task/source_head.ts",
    find: `slices: () => [bytes] } };`,
    replace: `slices: () => [lateState(this.#open.find((of) => of.id === id)?.reader, bytes)] } };`,
    also: [{
      file: "runtime/task/source_head.ts",
      find: `function readState(`,
      replace: `function lateState(reader: SplitReader<unknown> | undefined, bytes: Uint8Array): Uint8Array {
  return reader === undefined ? bytes : encodeValue({ position: reader.position(), ended: false });
}

function readState(`,
    }],
    why: "records emitted behind the barrier are not read again after a restore",
  },
  {
    name: "a source goes on behind its position",
    file: "runtime/task/source_head.ts",
    find: `source.open(split, state?.position, context)`,
    replace: `source.open(split, typeof state?.position === "number" ? state.position + 1 : state?.position, context)`,
    why: "each restore skips a record",
  },
  {
    name: "forgets the state of operators",
    file: load,
    find: `parts.push(...chain.snapshot(id));`,
    replace: `parts.push(...chain.snapshot(id).slice(0, 0));`,
    why: "keyed state starts from nothing after a restore",
  },
  {
    name: "a snapshot holds only its own committables",
    file: sink,
    find: `    const upTo = this.#pending.filter((committable) => committable.checkpointId <= checkpointId);`,
    replace: `    const upTo = this.#pending.filter((committable) => committable.checkpointId === checkpointId);`,
    why: "what was prepared for an aborted checkpoint is lost at the next restore",
    killer: "test/scenarios/abort_then_complete.test.ts",
  },
  {
    name: "commits only what belongs to the completed id",
    file: sink,
    find: `      const due = this.#pending.filter((committable) => committable.checkpointId <= checkpointId);`,
    replace: `      const due = this.#pending.filter((committable) => committable.checkpointId === checkpointId);`,
    why: "what was prepared for an aborted checkpoint never becomes visible",
  },
  {
    name: "does not commit after a restore",
    file: "runtime/task/subtask.ts",
    find: `    if (sinks.length === 0 || id === 0) return started();`,
    replace: `    if (Math.PI > 3 || sinks.length === 0 || id === 0) return started();`,
    why: "a crash between completion and commit leaves output invisible until the next completion",
    killer: "test/scenarios/abort_then_complete.test.ts",
  },
  {
    name: "does not restore committables",
    file: sink,
    find: `      this.#pending.push(...(decoded.value as Committable[]));\n`,
    replace: "",
    why: "a crash between completion and commit loses output",
  },
];
