import type { Mutant } from "./mutant.ts";

const subtask = "runtime/task/subtask.ts";
const killer = "test/scenarios/hand_over.test.ts";

/** When records may be handed over without a frame: only while the receiver would read one at once. */
export const handOverMutants: readonly Mutant[] = [
  {
    name: "is handed records while results wait for credit",
    file: subtask,
    find: `this.#current !== undefined || this.#toResume) return;`,
    replace: `this.#current !== undefined) return;`,
    why: "what waits is taken at once then, whatever the credit: a generator fills the memory",
    killer,
  },
  {
    name: "is handed records while timers of the wall clock are due",
    file: subtask,
    find: `if (this.#alarm.due || eventTime.advancing`,
    replace: `if (eventTime.advancing`,
    why: "records overtake timers that were due before them",
    killer,
  },
  {
    name: "is handed records while event time advances",
    file: subtask,
    find: `this.#alarm.due || eventTime.advancing || participant.busy`,
    replace: `this.#alarm.due || participant.busy`,
    why: "a record sees a watermark whose timers have not fired",
    killer,
  },
];
