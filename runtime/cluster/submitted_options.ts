import { SluiceError } from "../../actors/error.ts";
import type { Transport } from "../../actors/transport.ts";
import { type RunSettings, settle, type StartOptions } from "../master/options.ts";

/** What a job on a cluster can be told: what means the same on every machine, and can be kept as data. */
const fields = [
  "parallelism",
  "checkpoints",
  "state",
  "restart",
  "poison",
  "from",
  "allowDropped",
  "allowDuplicates",
  "channels",
  "handlerTimeoutMs",
  "shutdownMs",
] as const satisfies readonly (keyof StartOptions)[];

/**
 * How long a channel may be silent by default, in milliseconds. Longer than in one process's own jobs: whether a worker lives is
 * its heartbeats' matter, and one that is blocked is no dead one.
 */
const silenceMs = 90_000;

/** What of them is each member's own, or cannot be kept as data. */
const own = { checkpoints: ["directory", "storage"], state: ["directory"], poison: ["deadLetters"] } as const;

/**
 * The settings of a job from the options that it was submitted with.
 *
 * @param stateDirectory where this member has keyed state on its disk; undefined: nothing of the job runs here
 * @throws {SluiceError} `BAD_OPTIONS`
 */
export function settingsOf(options: Readonly<Record<string, unknown>>, transport: Transport, stateDirectory = "."): RunSettings {
  const wrong = Object.keys(options).filter((name) => !(fields as readonly string[]).includes(name));
  const { channels, state } = options;
  for (const [group, names] of Object.entries(own)) {
    for (const name of names) if (Object.hasOwn(Object(options[group]), name)) wrong.push(`${group}.${name}`);
  }
  if (wrong.length > 0) {
    throw new SluiceError(
      "BAD_OPTIONS",
      `a job on a cluster cannot be told ${wrong.join(", ")}: its members decide that; it can be told ${fields.join(", ")}`,
    );
  }
  const given = { silenceMs, ...Object(channels) as StartOptions["channels"] };
  const onDisk = Object(state).backend === "disk" ? { state: { backend: "disk", directory: stateDirectory } as const } : {};
  return settle({ ...options as StartOptions, ...onDisk, channels: given, transport });
}
