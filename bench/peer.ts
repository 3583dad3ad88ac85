import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Figures } from "./report.ts";

/** Another engine, whose program lies in `peers/`. */
export type PeerName = "flink" | "jet";

/** What a workload of another engine is told; `bench/peers/` says what there is. */
export type PeerOptions = Readonly<Record<string, string | number>>;

const folderOf = (peer: PeerName) => fileURLToPath(new URL(`./peers/${peer}`, import.meta.url));

/**
 * Runs one workload on another engine, in a process of its own, and gives the figures that it prints. The first use builds its
 * program with Maven, which needs Java 17.
 *
 * @param javaOptions Instead of a heap of 2 GB that may grow to 4.
 * @throws {Error} when the program cannot be built, fails, or prints no figures
 */
export async function runPeer(
  peer: PeerName,
  workload: string,
  options: PeerOptions,
  javaOptions?: string,
): Promise<Figures> {
  const folder = folderOf(peer);
  if (!existsSync(`${folder}/target/peers-${peer}.jar`)) {
    console.log(`building bench/peers/${peer} with Maven (once)`);
    execFileSync("mvn", ["-q", "package"], { cwd: folder, stdio: "inherit" });
  }
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn("sh", ["./run.sh", workload, ...words], {
    cwd: folder,
    env: { ...process.env, ...(javaOptions === undefined ? {} : { JAVA_OPTS: javaOptions }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (data: Uint8Array) => (out += new TextDecoder().decode(data)));
  child.stderr.on("data", (data: Uint8Array) => (errors = (errors + new TextDecoder().decode(data)).slice(-2_000)));
  const status = await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  const line = out.trim().split("\n").at(-1) ?? "";
  if (status !== 0 || !line.startsWith("{")) {
    throw new Error(`${peer} ${workload} ended with ${String(status)}: ${errors || out}`);
  }
  return { runtime: "java", runtimeVersion: undefined, ...JSON.parse(line) as Figures };
}
