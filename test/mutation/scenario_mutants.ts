import type { Mutant } from "./mutant.ts";

const wireSender = "runtime/task/wire_sender.ts";
const changes = "runtime/state/changes.ts";

/** For each scenario of protocol 14 that has its test in `test/scenarios/`: the rule it is about. The test alone must notice. */
export const scenarioMutants: readonly Mutant[] = [
  {
    name: "1: a barrier is shown until anything is answered",
    scenario: 1,
    file: wireSender,
    find: `  if (state.barriers.length > 0) state.barriers = state.barriers.filter(({ id }) => id > barrier);\n`,
    replace: `  state.barriers = [];\n`,
    why: "a barrier whose message was lost is in no later one: it never comes",
    killer: "test/scenarios/wire.test.ts",
  },
  {
    name: "2: a barrier that overtakes leaves the open batch behind it",
    scenario: 2,
    file: "runtime/task/output_channel.ts",
    find: `    this.seal(undefined);
    this.promote(id);`,
    replace: `    this.promote(id);`,
    why: "records emitted before the snapshot are in no state and behind the cut: lost at a restore",
    killer: "test/scenarios/open_batch.test.ts",
  },
  {
    name: "3: a subtask that has not finished says that it has",
    scenario: 3,
    file: "runtime/task/participant.ts",
    find: `      finished: host.finished(),`,
    replace: `      finished: true,`,
    why: "a checkpoint with records in flight is taken for the last one, and the job ends without them",
    killer: "test/scenarios/final_checkpoint.test.ts",
  },
  {
    name: "4: goes back behind what a sink has shown",
    scenario: 4,
    file: "runtime/master/choose_snapshot.ts",
    find: `    if (committed <= id) continue;`,
    replace: `    if (committed >= 0) continue;`,
    why: "what was shown is shown again, and nobody is told",
    killer: "test/scenarios/flipped_bit.test.ts",
  },
  {
    name: "5: asks for nothing once a channel is open",
    scenario: 5,
    file: wireSender,
    find: `  return nowMs < state.probeAtMs ? [] : [probe(state, nowMs, times)];`,
    replace: `  return state.open || nowMs < state.probeAtMs ? [] : [probe(state, nowMs, times)];`,
    why: "the last frame before a silence, or the last grant, is lost for good",
    killer: "test/scenarios/wire.test.ts",
  },
  {
    name: "6: an unaligned barrier starts the snapshot before the aligned inputs have theirs",
    scenario: 6,
    file: "runtime/checkpoint/aligner.ts",
    find: `  if (checkpoint.reachedAligned < policies.aligned) return;\n`,
    replace: "",
    why: "records before the barrier of an aligned edge are processed after the snapshot, and are in no capture",
    killer: "test/scenarios/mixed_inputs.test.ts",
  },
  {
    name: "9: what changes is not kept for a snapshot that is being written",
    scenario: 9,
    file: changes,
    find: `    for (let at = 0; at < cuts.length; at++) cuts[at]!.keep(item, group);
    item.stamp = this.stamp;`,
    replace: `    void cuts;
    item.stamp = this.stamp;`,
    why: "a snapshot leaves out entries that were changed before the writer came to them",
    killer: "test/scenarios/snapshot_write.test.ts",
  },
  {
    name: "9: a delta holds the changes since the last snapshot, complete or not",
    scenario: 9,
    file: changes,
    find: `this.#segments?.filter((segment) => segment.stamp > since);`,
    replace: `this.#segments?.filter((segment) => segment.stamp > since).slice(-1);`,
    why: "what changed between the base and an aborted checkpoint is in no file",
    killer: "test/scenarios/snapshot_write.test.ts",
  },
  {
    name: "10: what was prepared for an aborted checkpoint is forgotten by the next snapshot",
    scenario: 10,
    file: "runtime/task/sink_operator.ts",
    find: `    const upTo = this.#pending.filter((committable) => committable.checkpointId <= checkpointId);`,
    replace: `    const upTo = this.#pending.filter((committable) => committable.checkpointId === checkpointId);`,
    why: "a crash before the commit loses the output of the aborted checkpoint",
    killer: "test/scenarios/abort_then_complete.test.ts",
  },
  {
    name: "11: recovered records are captured once",
    scenario: 11,
    file: "runtime/task/participant.ts",
    find: `    return this.#host.captures || input.feedback !== undefined || input.identity.recovered !== 0;`,
    replace: `    return input.identity.recovered === 0;`,
    why: "a checkpoint taken while recovered channels drain loses what is left in them",
    killer: "test/scenarios/several_open.test.ts",
  },
  {
    name: "11: new records are read before recovered ones",
    scenario: 11,
    file: "runtime/task/gate.ts",
    find: `    return this.#generation[input.edge] === input.identity.recovered;`,
    replace: `    return this.#generation.length > 0;`,
    why: "records of one key overtake those that were in flight at the restore",
    killer: "test/scenarios/several_open.test.ts",
  },
  {
    name: "12: key groups forget how far their old owner was",
    scenario: 12,
    file: "runtime/operators/window.ts",
    find: `    if (end - 1 <= cursor.watermark || end - 1 <= this.floor.of(group)) {`,
    replace: `    if (end - 1 <= cursor.watermark) {`,
    why: "a window that has fired is opened again by a late record, and fires twice",
    killer: "test/scenarios/rescale.test.ts",
  },
  {
    name: "13: barriers are served while a handler's promise is pending",
    scenario: 13,
    file: "runtime/task/subtask.ts",
    find: `  // What its parts tell it\n`,
    replace: `  urgent(message: TaskControl): boolean {
    return message.kind === "barrier";
  }\n`,
    why: "a snapshot is taken between the get and the set of one handler",
    killer: "test/scenarios/handlers.test.ts",
  },
  {
    name: "14: a loop is waited for",
    scenario: 14,
    file: "runtime/master/rules.ts",
    find: `    align: (edge, mode) => (edge.feedback ? "unaligned" : policy(edge, mode)),`,
    replace: `    align: (edge, mode) => policy(edge, mode),`,
    why: "the head of a loop waits for a barrier that comes back only after it has sent it",
    killer: "test/scenarios/cycles.test.ts",
  },
  {
    name: "14: a loop is quiet when nothing is fed back",
    scenario: 14,
    file: "runtime/checkpoint/loop_end.ts",
    find: `  for (const { id, fromOperator, toOperator } of plan.edges) {
    if (inside`,
    replace: `  for (const { id, fromOperator, toOperator, feedback } of plan.edges) {
    if (inside.has(toOperator) && inside.has(fromOperator) && !feedback) continue;
    if (inside`,
    why: "a loop ends over a record that waits on one of its forward channels",
    killer: "test/scenarios/cycles.test.ts",
  },
  {
    name: "15: all timers that are due fire in one step",
    scenario: 15,
    file: "runtime/task/event_time.ts",
    find: `    this.#head?.fireEventTimer?.();
    if (++this`,
    replace: `    while ((this.#head?.nextEventTimer?.() ?? Infinity) <= this.#target) this.#head?.fireEventTimer?.();
    if (++this`,
    why: "a barrier waits for a hundred thousand timers",
    killer: "test/scenarios/many_timers.test.ts",
  },
  {
    name: "17: a split is state once a record of it was read",
    scenario: 17,
    file: "runtime/task/source_head.ts",
    find: `this.#open.map((
      { id, reader },`,
    replace: `this.#open.filter(({ reader }) => reader.position() !== 0).map((
      { id, reader },`,
    why: "a split that was assigned before the barrier is unknown after a restore, and its loss is not noticed",
    killer: "test/scenarios/rescale.test.ts",
  },
  {
    name: "19: what was lost is not sent again",
    scenario: 19,
    file: wireSender,
    find: `  if (gap && received === state.received && received < state.sent) actions.push(...goBack(state, nowMs, times));\n`,
    replace: `  void [gap, goBack];\n`,
    why: "frames published while the broker was down never arrive",
    killer: "test/scenarios/wire.test.ts",
  },
  {
    name: "20: records lose their key group below the keyed operator",
    scenario: 20,
    file: "runtime/graph/planner.ts",
    find: `      if (kind !== "keyBy" && !(kind === "forward" && below.has(edge.from))) continue;`,
    replace: `      if (kind !== "keyBy") continue;`,
    why: "after a rescale two records of one key are in two subtasks, and overtake each other",
    killer: "test/scenarios/rescale.test.ts",
  },
  {
    name: "21: a channel is known by the operators at its ends",
    scenario: 21,
    file: "runtime/graph/channel.ts",
    find: "  return `${edgeId}:${sender}>${receiver}`;",
    replace: '  return `${edgeId.replace(/#\\d+$/, "")}:${sender}>${receiver}`;',
    why: "what was captured of one of two edges between two operators counts as captured of the other",
    killer: "test/scenarios/mixed_inputs.test.ts",
  },
  {
    name: "22: a context works for ever",
    scenario: 22,
    file: "runtime/state/invocation.ts",
    find: `    if (this.serial === 0) throw new StaleContextError(this.uid);`,
    replace: `    if (this.serial < 0) throw new StaleContextError(this.uid);`,
    why: "the late promise of an attempt that is over emits into whatever runs now",
    killer: "test/scenarios/handlers.test.ts",
  },
];
