import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { ControlledProcess } from "../runner/controlled_process.ts";
import { projectRoot } from "../runner/discover.ts";

/** The version that is built when there is none on the machine. */
const wantedVersion = "v2.15.2";

/** The oldest that Sluice runs with: that of Debian 12. */
const oldVersion = "v2.9.25";

/** Where a server that the set-up built is kept. */
const ownFolder = join(projectRoot, ".sluice", "bin");

/** A program, or why there is none. */
export type FoundServer = { readonly path: string; readonly version: string } | { readonly reason: string };

let found: FoundServer | undefined;

/** The server that tests use: one on the PATH, else one that Go has installed, else one that the set-up has built. */
export function findNatsServer(): FoundServer {
  return found ??= search();
}

/** As {@link findNatsServer}; builds one with Go, or installs Debian's, when there is none. Says what it does by `say`. */
export function provideNatsServer(say: (line: string) => void): FoundServer {
  if ("path" in findNatsServer()) return findNatsServer();
  const tried: string[] = [];
  const attempt = (what: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    say(`no nats-server on this machine: ${what}`);
    try {
      execFileSync(command, args, { env: { ...process.env, ...env }, stdio: "pipe", timeout: 300_000 });
    } catch (error) {
      const { stderr, message } = error as { readonly stderr?: Uint8Array; readonly message: string };
      tried.push(`${what} failed: ${(stderr?.toString() || message).trim().split("\n").at(-1)}`);
    }
    found = undefined;
    return "path" in findNatsServer();
  };
  mkdirSync(ownFolder, { recursive: true });
  const go = ["install", `github.com/nats-io/nats-server/v2@${wantedVersion}`];
  if (attempt("building it with go", "go", go, { GOBIN: ownFolder })) return findNatsServer();
  attempt("installing Debian's", "apt-get", ["install", "-y", "nats-server"], { DEBIAN_FRONTEND: "noninteractive" });
  return "path" in findNatsServer() ? findNatsServer() : found = { reason: `no nats-server: ${tried.join("; ")}` };
}

/** An old server, which is built with Go once. Says what it does by `say`. */
export function provideOldNatsServer(say: (line: string) => void): FoundServer {
  const folder = join(ownFolder, oldVersion);
  const path = join(folder, programName);
  try {
    if (!existsSync(path)) {
      say(`no nats-server ${oldVersion}: building it with go`);
      mkdirSync(folder, { recursive: true });
      const args = ["install", `github.com/nats-io/nats-server/v2@${oldVersion}`];
      execFileSync("go", args, { env: { ...process.env, GOBIN: folder }, stdio: "pipe", timeout: 300_000 });
    }
    return { path, version: versionOf(path) };
  } catch (error) {
    return { reason: `no nats-server ${oldVersion} could be built: ${(error as Error).message.split("\n")[0]}` };
  }
}

const programName = process.platform === "win32" ? "nats-server.exe" : "nats-server";

function versionOf(path: string): string {
  return execFileSync(path, ["--version"], { encoding: "utf8" }).trim().replace(/^nats-server:\s*/, "");
}

function search(): FoundServer {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter)];
  if (process.env["GOBIN"] !== undefined) folders.push(process.env["GOBIN"]);
  folders.push(join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin"), ownFolder, "/usr/sbin");
  for (const folder of folders.filter((folder) => folder !== "")) {
    const path = join(folder, programName);
    if (!existsSync(path)) continue;
    try {
      return { path, version: versionOf(path) };
    } catch {
      continue; // not a program for this machine
    }
  }
  return { reason: "no nats-server on the PATH, and none was built" };
}

/** What a {@link NatsServer} can be told. */
export interface NatsServerOptions {
  readonly jetstream?: boolean;
  /** Lines for its configuration file. */
  readonly config?: string;
  /** The address it listens at. @default 127.0.0.1 */
  readonly host?: string;
  /** Another program than the one that was found. */
  readonly path?: string;
}

/** A real server on a port of its own, with its data in a folder of its own: they stay when it is killed. */
export class NatsServer extends ControlledProcess {
  readonly folder: string;
  readonly #path: string;
  readonly #config: string;
  readonly #host: string;
  #port = -1;

  private constructor(path: string, options: NatsServerOptions) {
    super();
    this.#path = path;
    this.#host = options.host ?? "127.0.0.1";
    this.folder = mkdtempSync(join(tmpdir(), "sluice-nats-"));
    const jetstream = options.jetstream === true ? `jetstream { store_dir: ${JSON.stringify(join(this.folder, "js"))} }\n` : "";
    this.#config = `${jetstream}${options.config ?? ""}\n`;
  }

  /** Starts one; there must be one: look with {@link findNatsServer}. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const program = options.path ?? pathOf(findNatsServer());
    const server = new NatsServer(program, options);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://${this.#host}:${this.#port}`;
  }

  /** Starts it, on the port that it had. */
  async start(): Promise<void> {
    const file = join(this.folder, "nats.conf");
    writeFileSync(file, this.#config);
    for (const old of this.#portFiles()) rmSync(old);
    const args = ["-c", file, "-a", this.#host, "-p", String(this.#port), "--ports_file_dir", this.folder, "-l", this.logFile];
    const child = spawn(this.#path, args, { stdio: "ignore" });
    this.child = child;
    let ended: string | undefined;
    child.on("error", (error) => ended = error.message);
    child.on("exit", (code) => ended = `exit code ${code}`);
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
      const [ports] = this.#portFiles();
      const address = ports === undefined ? undefined : readAddress(ports);
      if (address !== undefined) {
        this.#port = Number(new URL(address).port);
        return;
      }
      if (ended !== undefined) throw new Error(`nats-server did not start: ${ended}\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`nats-server did not start within 10 s\n${this.log()}`);
  }

  get logFile(): string {
    return join(this.folder, "log");
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
  }

  /** Ends it and deletes its data. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #portFiles(): string[] {
    return readdirSync(this.folder).filter((name) => name.endsWith(".ports")).map((name) => join(this.folder, name));
  }
}

function pathOf(server: FoundServer): string {
  if ("path" in server) return server.path;
  throw new Error(server.reason);
}

/** The file may be half written. */
function readAddress(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { readonly nats?: readonly string[] }).nats?.[0];
  } catch {
    return undefined;
  }
}
