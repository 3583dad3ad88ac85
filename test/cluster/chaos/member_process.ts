import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ControlledProcess } from "../../runner/controlled_process.ts";
import { projectRoot, type RuntimeName } from "../../runner/discover.ts";
import { findRuntime } from "../../runner/runtimes.ts";

const main = join(projectRoot, "runtime/cli/main.ts");
const jobs = fileURLToPath(new URL("jobs", import.meta.url));

/** What a member says, as lines of JSON. */
export type Said = Readonly<Record<string, unknown>> & { readonly kind: string; readonly seenMs: number };

/** How members of a cluster under test are started. */
export interface MemberPlace {
  readonly runtime: RuntimeName;
  /** The addresses of NATS. */
  readonly natsUrl: string;
  readonly state: string;
  readonly flags: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What a member's command is started with, so that it runs elsewhere than this process. */
  readonly inside?: (member: string) => readonly string[];
  /** Told what any member says. */
  readonly heard: (member: MemberProcess, said: Said) => void;
}

/**
 * A member of a cluster as a process of its own, that can be killed, paused and started again. One that does not come up since
 * NATS is away is started again by itself, as a service manager would.
 */
export class MemberProcess extends ControlledProcess {
  readonly role: "worker" | "coordinator";
  readonly name: string;
  readonly #place: MemberPlace;
  /** The last things it said. */
  readonly lines: string[] = [];
  /** How its process has ended: a code, or a signal. */
  ended: number | string | undefined;
  #lacksNats = false;

  constructor(role: "worker" | "coordinator", name: string, place: MemberPlace) {
    super();
    this.role = role;
    this.name = name;
    this.#place = place;
  }

  /** What another process of this project is started with, for commands. */
  static command(runtime: RuntimeName): readonly string[] {
    const found = findRuntime(runtime);
    if ("reason" in found) throw new Error(found.reason);
    return [found.command, ...found.scriptArguments, main];
  }

  get runs(): boolean {
    return this.child !== undefined;
  }

  start(): void {
    const { runtime, natsUrl, state, flags, inside, environment } = this.#place;
    const [command = "", ...args] = [...inside?.(this.name) ?? [], ...MemberProcess.command(runtime)];
    const own = [this.role, "--name", this.name, "--jobs-dir", jobs, "--state", state, "--json", ...flags];
    const env = { ...process.env, ...environment, NATS_URL: natsUrl };
    const child = spawn(command, [...args, ...own], { cwd: projectRoot, env, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    child.stdout.resume();
    this.ended = undefined;
    this.#lacksNats = false;
    child.on("exit", (code, signal) => {
      if (this.child !== child && this.child !== undefined) return;
      this.child = undefined;
      this.ended = code ?? signal ?? undefined;
    });
    // What it said is known once its pipes are closed.
    child.on("close", () => {
      if (this.#lacksNats && this.child === undefined && typeof this.ended === "number") this.start();
    });
    let unread = "";
    child.stderr.on("data", (data: Uint8Array) => {
      unread += data.toString();
      const lines = unread.split("\n");
      unread = lines.pop() ?? "";
      for (const line of lines) this.#heard(line);
    });
  }

  #heard(line: string): void {
    this.lines.push(line);
    if (this.lines.length > 200) this.lines.shift();
    let said: Record<string, unknown>;
    try {
      said = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return; // a runtime's own words
    }
    if (said["kind"] === "refused" && said["code"] === "NATS_UNREACHABLE") this.#lacksNats = true;
    this.#place.heard(this, { ...said, kind: String(said["kind"]), seenMs: performance.now() });
  }
}
