import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { bucketName, checkClusterName } from "../cluster/names.ts";
import { inNats } from "../cluster/snapshot_places.ts";
import { inspect, type InspectedEntry, type Inspection } from "../master/inspection.ts";
import type { Console } from "./console.ts";
import { connectNats } from "../nats/connect.ts";
import { ObjectDisk } from "../nats/object_disk.ts";
import { type NatsFlags, natsFlags, natsOptions } from "./nats_flags.ts";
import { plainJson } from "./plain_json.ts";
import { refusal } from "./refusal.ts";
import { table } from "./table.ts";

interface InspectFlags extends NatsFlags {
  readonly operator?: string;
  readonly edge?: string;
  readonly limit?: number;
  readonly json: boolean;
}

/** So many entries of a state, and records of a channel, are shown to people unless they say otherwise. */
const defaultLimit = 5;

/** `sluice inspect PATH`; `done` gets the exit code. */
export function inspectCommand(console: Console, done: (exitCode: number) => void): Command {
  const description =
    "look into a savepoint or checkpoint, without its job: state by operator and key, records under way, positions";
  return natsFlags(new Command("inspect").description(description))
    .argument("<path>", "its folder, with manifest.json in it; what a cluster keeps in NATS is called nats:/job/…")
    .option("--operator <uid>", "only the state of this operator")
    .option("--edge <id>", "only the records under way on this edge")
    .option(
      "--limit <n>",
      `entries of each state, and records of each channel, at most (default: ${defaultLimit}, with --json all)`,
      limit,
    )
    .option("--json", "as lines of JSON, of kind snapshot, operator, position, channel, state and record", false)
    .action(async (path: string, flags: InspectFlags) => done(await inspectPath(console, path, flags)));
}

async function inspectPath(console: Console, path: string, flags: InspectFlags): Promise<number> {
  try {
    if (!path.startsWith(inNats)) return await shown(await inspect(resolve(console.folder, path)), flags, console);
    const { cluster } = flags;
    checkClusterName("cluster", cluster);
    const random = systemRandom();
    const connection = await connectNats({ ...await natsOptions(console, systemDisk(), flags), name: "sluice inspect" });
    try {
      const options = { name: bucketName(cluster), clock: systemClock, random, existing: true };
      return await shown(await inspect(path, { disk: await ObjectDisk.open(connection, options) }), flags, console);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return refusal(console, "sluice inspect", flags.json, error);
  }
}

async function shown(of: Inspection, flags: InspectFlags, console: Console): Promise<number> {
  if (flags.json) await asJson(of, flags, console);
  else await asText(of, flags, console);
  return 0;
}

async function asJson(of: Inspection, { operator, edge, limit = Infinity }: InspectFlags, console: Console): Promise<void> {
  const { location, checkpoint, job, mode, final, triggeredAt, completedAt, keyGroups } = of;
  const out = (kind: string, fields: object) => console.out(plainJson({ kind, ...fields }));
  out("snapshot", { location, checkpoint, job, mode, final, triggeredAt, completedAt, keyGroups });
  for (const each of of.operators) out("operator", each);
  for (const each of of.positions) out("position", each);
  for (const each of of.channels) out("channel", each);
  if (edge === undefined || operator !== undefined) {
    const shown = new Counts();
    for await (const { kind, ...entry } of of.entries(operator)) {
      if (shown.count(`${entry.uid} ${entry.state}`) <= limit) out("state", { ...entry, type: kind });
    }
  }
  if (operator === undefined || edge !== undefined) {
    const shown = new Counts();
    for (const record of of.records(edge)) if (shown.count(channelText(record)) <= limit) out("record", record);
  }
}

async function asText(of: Inspection, flags: InspectFlags, console: Console): Promise<void> {
  const { operator, edge, limit = defaultLimit } = flags;
  const out = (...lines: readonly string[]) => lines.forEach((line) => console.out(line));
  const mode = typeof of.mode === "string" ? of.mode : `aligned for ${of.mode.alignedTimeoutMs} ms, then unaligned`;
  out(
    `checkpoint ${of.checkpoint} of job ${of.job}, ${mode}${of.final ? ", the last of its run" : ""}`,
    `triggered ${new Date(of.triggeredAt).toISOString()}, completed after ${
      of.completedAt - of.triggeredAt
    } ms; ${of.keyGroups} key groups`,
    "",
    ...table(
      ["OPERATOR", "SUBTASKS", "BYTES"],
      of.operators.map(({ uid, parallelism, stateBytes }) => [uid, `${parallelism}`, `${stateBytes}`]),
    ),
  );
  if (of.positions.length > 0) {
    const rows = of.positions.map((
      { uid, split, position, ended },
    ) => [uid, split, `${plainJson(position)}${ended ? ", ended" : ""}`]);
    out("", ...table(["SOURCE", "SPLIT", "POSITION"], rows));
  }
  if (edge === undefined || operator !== undefined) {
    for (const { uid } of of.operators) if (operator === undefined || uid === operator) await stateAsText(of, uid, limit, out);
    if (operator !== undefined && !of.operators.some(({ uid }) => uid === operator)) await stateAsText(of, operator, limit, out);
  }
  if (operator === undefined || edge !== undefined) recordsAsText(of, edge, limit, out);
}

async function stateAsText(of: Inspection, uid: string, limit: number, out: (...lines: string[]) => void): Promise<void> {
  const shown = new Counts();
  const states = new Map<string, { readonly kind: string; readonly lines: string[] }>();
  for await (const entry of of.entries(uid)) {
    const { state, kind } = entry;
    if (kind === "runtime") continue;
    const found = states.get(state) ?? { kind, lines: [] };
    states.set(state, found);
    if (shown.count(state) <= limit) found.lines.push(`  ${entryText(entry)}`);
  }
  for (const [state, { kind, lines }] of states) {
    out("", `state ${state} of ${uid} (${kind})`, ...lines, ...more(shown.of(state) - limit));
  }
}

function entryText({ key, subtask, value, expiresAt }: InspectedEntry): string {
  const whose = key === undefined ? `subtask ${subtask}` : plainJson(key);
  return `${whose}: ${plainJson(value)}${expiresAt === undefined ? "" : `, until ${new Date(expiresAt).toISOString()}`}`;
}

function recordsAsText(of: Inspection, edge: string | undefined, limit: number, out: (...lines: string[]) => void): void {
  const shown = new Counts();
  const lines = new Map<string, string[]>();
  for (const record of of.records(edge)) {
    const channel = channelText(record);
    const own = lines.get(channel) ?? [];
    lines.set(channel, own);
    if (shown.count(channel) <= limit) own.push(`  ${plainJson(record.value)}`);
  }
  for (const [channel, own] of lines) {
    const count = shown.of(channel);
    out("", `${count} ${count === 1 ? "record" : "records"} under way on ${channel}`, ...own, ...more(count - limit));
  }
}

function channelText(
  { edge, sender, receiver, recovered }: Readonly<Record<"sender" | "receiver" | "recovered", number>> & { edge: string },
): string {
  return `${edge}, ${sender} to ${receiver}${recovered === 0 ? "" : `, put back by attempt ${recovered}`}`;
}

function more(count: number): readonly string[] {
  return count > 0 ? [`  and ${count} more`] : [];
}

class Counts {
  readonly #counts = new Map<string, number>();

  count(what: string): number {
    const counted = this.of(what) + 1;
    this.#counts.set(what, counted);
    return counted;
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }
}

function limit(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give a whole number.");
}
