/** What options may hold at all: which fields there are, and what a restart strategy needs. */
import type { ChannelOptions, CheckpointOptions, StartOptions, StateOptions } from "./options.ts";
import type { PoisonOptions } from "./poison.ts";
import type { RestartStrategy } from "./restart.ts";

const startFields: Readonly<Record<keyof StartOptions, true>> = {
  parallelism: true,
  checkpoints: true,
  state: true,
  restart: true,
  poison: true,
  from: true,
  allowDropped: true,
  allowDuplicates: true,
  channels: true,
  handlerTimeoutMs: true,
  shutdownMs: true,
  signal: true,
  log: true,
  system: true,
  transport: true,
  clock: true,
  random: true,
  disk: true,
};

const checkpointFields: Readonly<Record<keyof CheckpointOptions, true>> = {
  directory: true,
  storage: true,
  mode: true,
  intervalMs: true,
  minPauseMs: true,
  timeoutMs: true,
  maxConcurrent: true,
  tolerableFailures: true,
  retain: true,
  baseEvery: true,
};

const stateFields: Readonly<Record<keyof StateOptions, true>> = { backend: true, directory: true, rowsFrom: true };

const channelFields: Readonly<Record<keyof ChannelOptions, true>> = {
  frameRecords: true,
  frameBytes: true,
  windowBytes: true,
  targetMs: true,
  overdraftBytes: true,
  handOverSteps: true,
  probeMs: true,
  silenceMs: true,
};

const poisonFields: Readonly<Record<keyof PoisonOptions, true>> = {
  policy: true,
  afterFailures: true,
  deadLetters: true,
};

/** The fields of each restart strategy: the least that each may be, and whether it is counted in whole numbers. */
const strategies: Readonly<Record<RestartStrategy["kind"], Readonly<Record<string, { least: number; whole: boolean }>>>> = {
  none: {},
  "fixed-delay": { maxRestarts: { least: 0, whole: true }, delayMs: { least: 0, whole: false } },
  exponential: {
    initialDelayMs: { least: 0, whole: false },
    maxDelayMs: { least: 0, whole: false },
    factor: { least: 1, whole: false },
    jitter: { least: 0, whole: false },
    resetAfterMs: { least: 0, whole: false },
    maxRestarts: { least: 0, whole: true },
  },
  "failure-rate": {
    maxFailures: { least: 0, whole: true },
    windowMs: { least: 1, whole: false },
    delayMs: { least: 0, whole: false },
  },
};

/** Puts into `wrong` what is no option at all: a slip of the pen must not mean a default. */
export function checkFields(options: StartOptions, wrong: string[]): void {
  checkKnown("", options, startFields, wrong);
  checkKnown("checkpoints", options.checkpoints, checkpointFields, wrong);
  checkKnown("state", options.state, stateFields, wrong);
  checkKnown("channels", options.channels, channelFields, wrong);
  checkKnown("poison", options.poison, poisonFields, wrong);
}

function checkKnown(name: string, given: unknown, fields: Readonly<Record<string, true>>, wrong: string[]): void {
  if (given === undefined) return;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    wrong.push(
      `${name === "" ? "the options" : name} must be an object, not ${Array.isArray(given) ? "an array" : String(given)}`,
    );
    return;
  }
  const prefix = name === "" ? "" : `${name}.`;
  for (const field of Object.keys(given)) {
    if (!Object.hasOwn(fields, field)) {
      wrong.push(
        `there is no option ${prefix}${field}; there are ${Object.keys(fields).map((known) => prefix + known).join(", ")}`,
      );
    }
  }
}

/** Puts into `wrong` what a restart strategy lacks, has too much of, or has out of range. */
export function checkRestart(strategy: RestartStrategy, wrong: string[]): void {
  const given = Object(strategy) as Readonly<Record<string, unknown>>;
  const kinds = Object.keys(strategies);
  const { kind } = given;
  if (typeof kind !== "string" || !kinds.includes(kind)) {
    wrong.push(`restart.kind must be one of ${kinds.join(", ")}, not ${typeof kind === "string" ? `"${kind}"` : String(kind)}`);
    return;
  }
  const fields = strategies[kind as RestartStrategy["kind"]];
  for (const [name, { least, whole }] of Object.entries(fields)) {
    const value = given[name];
    const right = typeof value === "number" && value >= least && (!whole || Number.isInteger(value) || value === Infinity);
    if (!right) wrong.push(`restart.${name} must be a ${whole ? "whole " : ""}number of at least ${least}, not ${String(value)}`);
  }
  for (const name of Object.keys(given)) {
    if (name !== "kind" && !Object.hasOwn(fields, name)) wrong.push(`restart.${name} is no field of the strategy ${kind}`);
  }
}
