import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

export type RuntimeName = "node" | "deno" | "bun";

/** The runtime that this process is, and its version. */
export function thisRuntime(): { readonly name: RuntimeName; readonly version: string } {
  const versions: Record<string, string | undefined> = process.versions;
  for (const name of ["bun", "deno"] as const) {
    const version = versions[name];
    if (version !== undefined) return { name, version };
  }
  return { name: "node", version: versions["node"] ?? "?" };
}

/** What a figure was measured on: figures of different machines and runtimes do not compare. */
export function describeMachine(): string {
  const [first, ...others] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const { name, version } = thisRuntime();
  return `${name} ${version}; ${others.length + 1} x ${first?.model.trim() ?? "unknown processor"}, ${gigabytes} GB, ` +
    `${process.platform} ${process.arch}`;
}

/** User and system time of this process so far, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** User and system time of a process so far, in milliseconds, to 10 ms; undefined where the system does not say. */
export function processCpuMs(pid: number): number | undefined {
  try {
    // Behind the name, which may have spaces: state is field 3, user and system time 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isNaN(ticks) ? undefined : ticks * 10;
  } catch {
    return undefined;
  }
}

/** Processor time of the whole machine so far, in milliseconds; undefined where the system does not say. */
export function machineCpuMs(): number | undefined {
  try {
    const [, user, nice, system] = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "").split(/\s+/).map(Number);
    const ticks = (user ?? NaN) + (nice ?? NaN) + (system ?? NaN);
    return Number.isNaN(ticks) ? undefined : ticks * 10;
  } catch {
    return undefined;
  }
}

/** The resident memory of this process, in MiB. */
export function residentMiB(): number {
  return process.memoryUsage().rss / 2 ** 20;
}
