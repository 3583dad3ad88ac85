import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { firstBudget } from "../../actors/scheduler.ts";
import type { Logger } from "../../actors/logger.ts";
import type { Random } from "../../actors/random.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Transport } from "../../actors/transport.ts";
import type { CoordinatorPolicy } from "../checkpoint/coordinator.ts";
import type { CheckpointMode } from "../checkpoint/manifest.ts";
import type { CheckpointStorage } from "../checkpoint/storage.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { StateSettings } from "../graph/operator.ts";
import { maxBarriers } from "../graph/message_header.ts";
import { checkFields, checkRestart } from "./option_fields.ts";
import type { WireTimes } from "../task/wire_sender.ts";
import { type PoisonOptions, type PoisonSettings, settlePoison } from "./poison.ts";
import { defaultRestart, type RestartStrategy } from "./restart.ts";

/** How a job's checkpoints are taken and kept. */
export interface CheckpointOptions {
  /**
   * The folder that keeps them. A job started again with the same folder goes on from the latest one.
   * @default kept in memory, for the life of the run
   */
  readonly directory?: string;
  /** Another place to keep them; not together with `directory`. */
  readonly storage?: CheckpointStorage;
  /** @default { alignedTimeoutMs: 500 } */
  readonly mode?: CheckpointMode;
  /**
   * Time between two triggers, in milliseconds, at least 1.
   * @default only on request, and one at the end
   */
  readonly intervalMs?: number;
  /** Time between the end of one and the trigger of the next, in milliseconds. @default 0 */
  readonly minPauseMs?: number;
  /** A checkpoint that takes longer is aborted, in milliseconds. @default 600,000 */
  readonly timeoutMs?: number;
  /** How many may be open at once, at most 8. @default 1 */
  readonly maxConcurrent?: number;
  /** How many may fail one after the other before the attempt fails. @default 3 */
  readonly tolerableFailures?: number;
  /** How many completed ones are kept. @default 3 */
  readonly retain?: number;
  /**
   * Every so-many-th checkpoint writes the whole keyed state; those between write what has changed since the last completed
   * one, and share the files of earlier ones. 1: each one is whole.
   * @default 10
   */
  readonly baseEvery?: number;
}

/** How the channels between tasks are bounded. */
export interface ChannelOptions {
  /** A frame holds at most so many records. @default 512; 4,096 over a transport */
  readonly frameRecords?: number;
  /** A frame holds at most about so many bytes. @default 65,536; 262,144 over a transport */
  readonly frameBytes?: number;
  /**
   * A receiver takes at most so many bytes (and one frame) beyond what it has processed, per channel. Between subtasks of
   * one process small windows are also the fast ones: what is under way stays in the processor's cache. Over a transport it is
   * large frames: each message costs several processes a wake-up.
   * @default 16,384; 524,288 over a transport
   */
  readonly windowBytes?: number;
  /** The window follows the drain rate: so much work is under way per channel, in milliseconds. @default 10 */
  readonly targetMs?: number;
  /** What the processing of one record may emit beyond credit, in bytes, before the task fails. @default 67,108,864 */
  readonly overdraftBytes?: number;
  /**
   * Where all keys of a `keyBy` have one subtask and it runs in the sender's thread, records are handed to it without a frame: it
   * processes each at once, in the sender's turn. But only in turns for which so many steps or more have turned out to be short,
   * and while nothing waits there: slow operators get frames, whatever this is. More than 1,024: always frames. @default 32
   */
  readonly handOverSteps?: number;
  /** Between processes: what waits for an answer is asked for so often, in milliseconds. @default 250 */
  readonly probeMs?: number;
  /** Between processes: a channel whose other end does not answer for so long fails its task, in milliseconds. @default 10,000 */
  readonly silenceMs?: number;
}

/** Where declared keyed state is while a job runs. Checkpoints are the same, whichever it is. */
export interface StateOptions {
  /**
   * `heap`: in memory, fastest. `disk`: in an ordered store on a local disk, for more than fits into memory; it needs
   * `node:sqlite` (Node 22.13, Deno, Bun) or the package lmdb. Timers and windows are in memory either way.
   * @default "heap"
   */
  readonly backend?: "heap" | "disk";
  /**
   * With `disk`: a folder on a local disk. It is scratch: what the job has in it is removed when an attempt begins or ends. One
   * running job of a name may use it.
   */
  readonly directory?: string;
  /**
   * With `heap`: a declared value of which so many keys have one begins to be kept in rows of numbers, where keys are numbers and
   * values are numbers or flat records of up to eight. Rows take a fraction of the memory and are written in a fraction of the
   * time; a value that is used again and again is a little quicker without.
   * @default 32,768, or 32 for each key group of the subtask
   */
  readonly rowsFrom?: number;
}

/** How a job is run. All of it is optional. */
export interface StartOptions {
  /** Subtasks of each operator that does not say its own. @default 1 */
  readonly parallelism?: number;
  /** @default no periodic checkpoints; one at the end, in memory */
  readonly checkpoints?: CheckpointOptions;
  /** @default on the heap */
  readonly state?: StateOptions;
  /** @default exponential with checkpoints every interval, or a poison policy other than `fail`; else none */
  readonly restart?: RestartStrategy;
  /** What is done about a record that an operator cannot process, however often it is tried. @default { policy: "fail" } */
  readonly poison?: PoisonOptions;
  /**
   * Start from this checkpoint instead of the latest one: its id; or the folder of a savepoint or checkpoint, also of another
   * job's. From a folder the job begins another life, and its ids go on above the folder's.
   */
  readonly from?: CheckpointId | string;
  /** Start from `from` although there is state, or records under way, that the job has no place for any more. @default false */
  readonly allowDropped?: boolean;
  /** Start although a sink has already shown output of a later checkpoint than the one restored. @default false */
  readonly allowDuplicates?: boolean;
  readonly channels?: ChannelOptions;
  /** A handler's promise that stays pending longer fails its task, in milliseconds. @default 60,000 */
  readonly handlerTimeoutMs?: number;
  /** How long a subtask may take to stop, in milliseconds. @default 5,000 */
  readonly shutdownMs?: number;
  /** Stops the run, with a last checkpoint, when it aborts. */
  readonly signal?: AbortSignal;
  /** @default what matters, to the console's error output: nothing unless something goes wrong */
  readonly log?: Logger;
  /** The actor system to run in. @default one of its own, which ends with the run */
  readonly system?: ActorSystem;
  /**
   * Sends frames between subtasks encoded over this transport, as a cluster does.
   * @default frames pass by reference within the process
   */
  readonly transport?: Transport;
  /** The world outside. @default the real one */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly disk?: Disk;
}

/** What bounds a channel, complete. */
export type ChannelLimits = Required<Omit<ChannelOptions, keyof WireTimes>>;

/** Options, checked and complete. */
export interface RunSettings {
  readonly mode: CheckpointMode;
  readonly policy: CoordinatorPolicy;
  readonly retain: number;
  readonly state: StateSettings;
  /** The folder of keyed state on the disk; undefined: it is on the heap. */
  readonly stateDirectory: string | undefined;
  readonly restart: RestartStrategy;
  readonly poison: PoisonSettings;
  /** Of the channels within a process, and of those between processes. */
  readonly channels: { readonly local: ChannelLimits; readonly encoded: ChannelLimits };
  readonly wire: WireTimes;
  readonly handlerTimeoutMs: number;
  readonly shutdownMs: number;
  readonly from: CheckpointId | string | undefined;
  readonly allowDropped: boolean;
  readonly allowDuplicates: boolean;
}

/** Checks all options at once and fills in what was left out. @throws {SluiceError} `BAD_OPTIONS`, naming every bad field */
export function settle(options: StartOptions): RunSettings {
  const wrong: string[] = [];
  checkFields(options, wrong);
  const whole: Whole = (name, value, least, fallback, most = 2 ** 31 - 1) => {
    if (value === undefined) return fallback;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    wrong.push(`${name} must be a whole number from ${least} to ${most}, not ${String(value)}`);
    return fallback;
  };
  const checkpoints: CheckpointOptions = Object(options.checkpoints ?? {});
  const channels: ChannelOptions = Object(options.channels ?? {});
  const local: ChannelLimits = {
    frameRecords: whole("channels.frameRecords", channels.frameRecords, 1, 512, 65_536),
    frameBytes: whole("channels.frameBytes", channels.frameBytes, 1, 65_536),
    windowBytes: whole("channels.windowBytes", channels.windowBytes, 1, 16_384),
    targetMs: whole("channels.targetMs", channels.targetMs, 1, 10, 60_000),
    overdraftBytes: whole("channels.overdraftBytes", channels.overdraftBytes, 1, 64 * 1024 * 1024),
    handOverSteps: whole("channels.handOverSteps", channels.handOverSteps, 1, firstBudget, 65_536),
  };
  const encoded: ChannelLimits = {
    ...local,
    frameRecords: channels.frameRecords === undefined ? 4_096 : local.frameRecords,
    frameBytes: channels.frameBytes === undefined ? 262_144 : local.frameBytes,
    windowBytes: channels.windowBytes === undefined ? 524_288 : local.windowBytes,
  };
  const mode = checkpoints.mode === undefined ? { alignedTimeoutMs: 500 } : checkpoints.mode;
  checkMode(mode, wrong);
  if (checkpoints.directory !== undefined && checkpoints.storage !== undefined) {
    wrong.push("checkpoints.directory and checkpoints.storage exclude each other: give one of them");
  }
  if (checkpoints.directory !== undefined && (typeof checkpoints.directory !== "string" || checkpoints.directory === "")) {
    wrong.push(`checkpoints.directory must be a path, not ${JSON.stringify(checkpoints.directory)}`);
  }
  if (checkpoints.storage !== undefined && typeof checkpoints.storage?.open !== "function") {
    wrong.push("checkpoints.storage must be a storage, such as memoryStorage() or fileStorage(folder)");
  }
  const { allowDuplicates = false, allowDropped = false } = options;
  if (typeof allowDropped !== "boolean") wrong.push(`allowDropped must be true or false, not ${String(allowDropped)}`);
  if (options.from === "") wrong.push('from must be a checkpoint id or a folder, not ""');
  if (typeof allowDuplicates !== "boolean") wrong.push(`allowDuplicates must be true or false, not ${String(allowDuplicates)}`);
  for (const name of ["signal", "system", "transport", "clock", "random", "disk"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && (typeof value !== "object" || value === null)) {
      wrong.push(`${name} must be an object, not ${String(value)}`);
    }
  }
  if (options.log !== undefined && typeof options.log !== "function") {
    wrong.push(`log must be a function, not ${String(options.log)}`);
  }
  const periodic = checkpoints.intervalMs !== undefined;
  const poison = settlePoison(options.poison, wrong);
  const settings: RunSettings = {
    mode,
    policy: {
      intervalMs: periodic ? whole("checkpoints.intervalMs", checkpoints.intervalMs, 1, 1) : undefined,
      minPauseMs: whole("checkpoints.minPauseMs", checkpoints.minPauseMs, 0, 0),
      timeoutMs: whole("checkpoints.timeoutMs", checkpoints.timeoutMs, 1, 600_000),
      maxConcurrent: whole("checkpoints.maxConcurrent", checkpoints.maxConcurrent, 1, 1, maxBarriers),
      tolerableFailures: whole("checkpoints.tolerableFailures", checkpoints.tolerableFailures, 0, 3),
      repeatMs: 5_000,
    },
    retain: whole("checkpoints.retain", checkpoints.retain, 1, 3, 10_000),
    state: {
      baseEvery: whole("checkpoints.baseEvery", checkpoints.baseEvery, 1, 10, 1_000),
      rowsFrom: settleRowsFrom(options.state, whole),
    },
    stateDirectory: settleState(options.state, wrong),
    restart: options.restart === undefined
      ? (periodic || poison.policy !== "fail" ? defaultRestart : { kind: "none" })
      : options.restart,
    poison,
    channels: { local, encoded },
    wire: {
      probeMs: whole("channels.probeMs", channels.probeMs, 1, 250),
      silenceMs: whole("channels.silenceMs", channels.silenceMs, 1, 10_000),
      maxResends: 20,
    },
    handlerTimeoutMs: whole("handlerTimeoutMs", options.handlerTimeoutMs, 1, 60_000),
    shutdownMs: whole("shutdownMs", options.shutdownMs, 1, 5_000),
    from: options.from === undefined || typeof options.from === "string"
      ? options.from
      : whole("from", options.from, 1, 1, Number.MAX_SAFE_INTEGER),
    allowDropped,
    allowDuplicates,
  };
  checkRestart(settings.restart, wrong);
  if (poison.policy !== "fail" && settings.restart?.kind === "none") {
    wrong.push(`poison.policy "${poison.policy}" needs a restart strategy other than none: a record is tried again first`);
  }
  whole("parallelism", options.parallelism, 1, 1, 32_768);
  if (wrong.length > 0) {
    throw new SluiceError("BAD_OPTIONS", `cannot start: ${wrong.join("; ")}`);
  }
  return settings;
}

/** The folder, where state is on the disk. */
/** A whole number that was given, or `fallback`. */
type Whole = (name: string, value: number | undefined, least: number, fallback: number, most?: number) => number;

function settleState(given: StateOptions | undefined, wrong: string[]): string | undefined {
  const { backend = "heap", directory }: StateOptions = Object(given ?? {});
  if (backend !== "heap" && backend !== "disk") {
    wrong.push(`state.backend must be "heap" or "disk", not ${JSON.stringify(backend)}`);
  }
  if (backend === "heap" && directory !== undefined) wrong.push('state.directory is for state.backend "disk" only');
  if (backend !== "disk") return undefined;
  if (typeof directory === "string" && directory !== "") return directory;
  wrong.push(
    `state.directory must name a folder on a local disk, not ${JSON.stringify(directory)}: state.backend "disk" needs one`,
  );
  return undefined;
}

function settleRowsFrom(given: StateOptions | undefined, whole: Whole): number | undefined {
  const { rowsFrom }: StateOptions = Object(given ?? {});
  return rowsFrom === undefined ? undefined : whole("state.rowsFrom", rowsFrom, 1, 1, Number.MAX_SAFE_INTEGER);
}

function checkMode(mode: CheckpointMode, wrong: string[]): void {
  if (mode === "aligned" || mode === "unaligned" || mode === "at-least-once") return;
  const timeoutMs = typeof mode === "object" && mode !== null ? mode.alignedTimeoutMs : undefined;
  if (typeof timeoutMs === "number" && Number.isInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs < 2 ** 31) return;
  wrong.push(
    `checkpoints.mode must be "aligned", "unaligned", "at-least-once" or { alignedTimeoutMs: 0 or more }, not ${
      JSON.stringify(mode)
    }`,
  );
}
