import { type Static, Type } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import { mismatch } from "../../actors/schema_check.ts";
import { FaultEvent } from "./fault.ts";

const ReplaySchema = Type.Object({
  job: Type.String(),
  seed: Type.Integer({ minimum: 0 }),
  faults: Type.Array(FaultEvent),
});

/** All that it takes to see a simulated run again: which job, the seed, and the fault schedule. */
export type Replay = Readonly<Static<typeof ReplaySchema>>;

/** On one line, for a command. */
export function printReplay({ job, seed, faults }: Replay): string {
  return JSON.stringify({ job, seed, faults });
}

/** @throws {SluiceError} `BAD_OPTIONS` when the text is no replay, with what is wrong */
export function parseReplay(text: string): Replay {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new SluiceError("BAD_OPTIONS", `cannot replay: not JSON: ${text.slice(0, 80)}`);
  }
  const problem = mismatch(ReplaySchema, parsed);
  if (problem === undefined) return parsed as Replay;
  throw new SluiceError("BAD_OPTIONS", `cannot replay: ${problem}; give what a failed simulation printed`);
}
