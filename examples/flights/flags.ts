import { parseArgs } from "node:util";
import type { CheckpointMode } from "sluice";

/** What the demo can be told. */
export interface Flags {
  readonly mode: CheckpointMode;
  /** Flights a second. */
  readonly rate: number;
  readonly parallelism: number;
  /** After which part of the flights an operator fails; undefined: none does. */
  readonly failAt: number | undefined;
  /** A folder that is kept; undefined: one that is deleted at the end. */
  readonly state: string | undefined;
  readonly intervalMs: number;
  /** How often the file is read. */
  readonly repeat: number;
}

const modes: Readonly<Record<string, CheckpointMode>> = {
  aligned: "aligned",
  unaligned: "unaligned",
  timeout: { alignedTimeoutMs: 200 },
  "at-least-once": "at-least-once",
};

const help = `npm run demo -- [options]

  --mode MODE        aligned, unaligned, timeout (aligned, and unaligned after 200 ms) or at-least-once  [timeout]
  --rate N           flights read in a second                                                            [1700]
  --parallelism N    subtasks of every operator                                                          [2]
  --fail-at SHARE    the part of the flights, between 0 and 1, after which an operator fails, or never   [0.5]
  --interval MS      time between two checkpoints                                                        [1000]
  --repeat N         how often the file of 20,000 flights is read                                        [1]
  --state DIR        keeps checkpoints and output there: a demo that was killed goes on from them        [deleted at the end]
`;

/** Reads the command line; a text is what to print instead of running. @throws {Error} naming a flag that is wrong */
export function readFlags(args: readonly string[]): Flags | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mode: { type: "string", default: "timeout" },
      rate: { type: "string", default: "1700" },
      parallelism: { type: "string", default: "2" },
      "fail-at": { type: "string", default: "0.5" },
      interval: { type: "string", default: "1000" },
      repeat: { type: "string", default: "1" },
      state: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return help;
  const mode = modes[values.mode];
  if (mode === undefined) throw new Error(`--mode ${values.mode}: give one of ${Object.keys(modes).join(", ")}`);
  return {
    mode,
    rate: whole("rate", values.rate),
    parallelism: whole("parallelism", values.parallelism),
    failAt: values["fail-at"] === "never" ? undefined : share("fail-at", values["fail-at"]),
    state: values.state,
    intervalMs: whole("interval", values.interval),
    repeat: whole("repeat", values.repeat),
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new Error(`--${name} ${text}: give a whole number of at least 1`);
}

function share(name: string, text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && value < 1) return value;
  throw new Error(`--${name} ${text}: give a number from 0 to below 1, such as 0.5, or never`);
}
