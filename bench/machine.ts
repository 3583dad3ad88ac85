import { cpus, totalmem } from "node:os";

/** What a figure was measured on: figures of different machines and runtimes do not compare. */
export function describeMachine(): string {
  const [first, ...others] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${runtimeName()}; ${others.length + 1} x ${first?.model.trim() ?? "unknown processor"}, ${gigabytes} GB`;
}

export function runtimeName(): string {
  const versions: Record<string, string | undefined> = process.versions;
  if (versions["bun"] !== undefined) return `Bun ${versions["bun"]}`;
  if (versions["deno"] !== undefined) return `Deno ${versions["deno"]}`;
  return `Node ${versions["node"]}`;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
