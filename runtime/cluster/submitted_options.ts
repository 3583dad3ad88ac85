import { SluiceError } from "../../actors/error.ts";
import type { Transport } from "../../actors/transport.ts";
import { type RunSettings, settle, type StartOptions } from "../master/options.ts";

/** What a job on a cluster can be told: what means the same on every machine, and can be kept as data. State is on the heap. */
const fields = [
  "parallelism",
  "checkpoints",
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

/**
 * The settings of a job from the options that it was submitted with.
 *
 * @throws {SluiceError} `BAD_OPTIONS`
 */
export function settingsOf(options: Readonly<Record<string, unknown>>, transport: Transport): RunSettings {
  const wrong = Object.keys(options).filter((name) => !(fields as readonly string[]).includes(name));
  const { checkpoints, channels } = options;
  for (const name of ["directory", "storage"]) if (Object.hasOwn(Object(checkpoints), name)) wrong.push(`checkpoints.${name}`);
  if (wrong.length > 0) {
    throw new SluiceError(
      "BAD_OPTIONS",
      `a job on a cluster cannot be told ${wrong.join(", ")}: its members decide that; it can be told ${fields.join(", ")}`,
    );
  }
  const given = { silenceMs, ...Object(channels) as StartOptions["channels"] };
  return settle({ ...options as StartOptions, channels: given, transport });
}
