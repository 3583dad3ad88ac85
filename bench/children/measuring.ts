/** A process that measures one run of ours and says its figures: nothing that ran before it has shaped its compiled code. */
import { type Looping, runLooping } from "../looping.ts";
import { type Pressure, runPressure } from "../pressure.ts";
import type { Figures } from "../report.ts";
import { type Retained, runRetained } from "../retained.ts";
import { runSteady, type Steady } from "../steady.ts";
import { runStretches, type Stretches } from "../stretches.ts";
import { runThrowing, type Throwing } from "../throwing.ts";

/** What can be measured so, by name, with its options. */
export interface Measurable {
  readonly looping: Looping;
  readonly steady: Steady;
  readonly stretches: Stretches;
  readonly pressure: Pressure;
  readonly throwing: Throwing;
  readonly retained: Retained;
}

const runs: { readonly [Name in keyof Measurable]: (options: Measurable[Name]) => Promise<Figures> } = {
  looping: runLooping,
  steady: runSteady,
  stretches: runStretches,
  pressure: runPressure,
  throwing: runThrowing,
  retained: runRetained,
};

const [name = "", options = "{}"] = process.argv.slice(2);
const run = runs[name as keyof Measurable] as (options: unknown) => Promise<Figures>;
console.log(`figures ${JSON.stringify(await run(JSON.parse(options)))}`);
process.exit();
