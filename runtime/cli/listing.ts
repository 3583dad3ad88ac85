import type { Answer } from "../cluster/message.ts";
import type { NatsServer } from "../nats/server_lacks.ts";
import { table } from "./table.ts";

/** The jobs and workers of a cluster, and what its server lacks, as lines for people. */
export function listing(
  { coordinator, term, jobs, workers }: Extract<Answer, { kind: "listing" }>,
  { version, lacks }: NatsServer,
): readonly string[] {
  const lines = [`coordinator ${coordinator}, term ${term}`, ...lacks.map((lack) => `nats-server ${version} lacks ${lack}`), ""];
  lines.push(...table(
    ["JOB", "STATE", "ATTEMPT", "CHECKPOINT", "MODULE", "WORKERS"],
    jobs.map((of) => [of.job, of.state, `${of.attempt}`, `${of.checkpoint}`, of.module, of.workers.join(" ") || "-"]),
  ));
  for (const { job, failure } of jobs) if (failure !== null) lines.push(`${job}: ${failure}`);
  lines.push("");
  lines.push(...table(
    ["WORKER", "SLOTS", "USED", ""],
    workers.map(({ worker, slots, used, leaving, blocked }) => {
      const state = blocked === null ? leaving ? "leaving" : "" : `blocked by ${blocked}`;
      return [worker, `${slots}`, `${used}`, state];
    }),
  ));
  return lines;
}
