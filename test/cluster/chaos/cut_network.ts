import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import process from "node:process";

/** Which way nothing passes any more, as seen from the process that is cut off. */
export type CutDirection = "both ways" | "outwards" | "inwards";

/** The subnet of one network, of those that are set aside for measurements (RFC 2544): 512 of them. */
const subnets = 512;

/** Nobody's: what is sent there is seen by no interface. */
const nobody = "02:00:00:00:00:01";

/** Why processes cannot be cut off from each other here; undefined: they can. */
export function cannotCut(): string | undefined {
  if (process.platform !== "linux") return `network namespaces are Linux's, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "network namespaces need root";
  try {
    const network = CutNetwork.make();
    try {
      network.place("probe");
    } finally {
      network.remove();
    }
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made: ${String((error as { readonly stderr?: unknown }).stderr ?? error).trim()}`;
  }
}

/**
 * A network of this machine's own for processes of a test: each in a network namespace, joined to a bridge by a pair of virtual
 * interfaces. A process that is cut off keeps its connections, as on a real network: its packets just do not arrive.
 */
export class CutNetwork {
  /** Where a server has to listen to be reached from all places. */
  readonly address: string;
  readonly #bridge: string;
  readonly #prefix: string;
  readonly #places = new Map<string, { readonly namespace: string; readonly address: string }>();

  private constructor(number: number) {
    this.#bridge = `sluice${number}`;
    this.#prefix = `198.${18 + (number >> 8)}.${number & 255}`;
    this.address = `${this.#prefix}.1`;
  }

  static make(): CutNetwork {
    const taken = new Set(existsSync("/sys/class/net") ? readdirSync("/sys/class/net") : []);
    for (let tried = 0;; tried++) {
      const number = (process.pid + tried) % subnets;
      if (taken.has(`sluice${number}`) && tried < subnets) continue;
      const network = new CutNetwork(number);
      ip("link", "add", network.#bridge, "type", "bridge");
      try {
        ip("addr", "add", `${network.address}/24`, "dev", network.#bridge);
        ip("link", "set", network.#bridge, "up");
      } catch (error) {
        network.remove();
        throw error;
      }
      return network;
    }
  }

  /** Makes the place of a process. */
  place(name: string): void {
    const number = this.#places.size + 2;
    const place = { namespace: `${this.#bridge}-${name}`, address: `${this.#prefix}.${number}` };
    const end = `${this.#bridge}v${number}`;
    ip("netns", "add", place.namespace);
    this.#places.set(name, place);
    ip("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", place.namespace);
    ip("link", "set", end, "master", this.#bridge, "up");
    for (const device of ["lo", "eth0"]) ip("-n", place.namespace, "link", "set", device, "up");
    ip("-n", place.namespace, "addr", "add", `${place.address}/24`, "dev", "eth0");
  }

  /** What a command is to be started with, so that it runs in a place. */
  inside(name: string): readonly string[] {
    return ["ip", "netns", "exec", this.#place(name).namespace];
  }

  /** From now on nothing passes between a place and the server. */
  cut(name: string, direction: CutDirection): void {
    const { namespace, address } = this.#place(name);
    const nowhere = ["lladdr", nobody, "nud", "permanent"];
    if (direction !== "outwards") ip("neigh", "replace", address, "dev", this.#bridge, ...nowhere);
    if (direction !== "inwards") ip("-n", namespace, "neigh", "replace", this.address, "dev", "eth0", ...nowhere);
  }

  heal(name: string): void {
    const { namespace, address } = this.#place(name);
    // A way that is not cut may have no entry, or one that is made again.
    attempt("neigh", "del", address, "dev", this.#bridge);
    attempt("-n", namespace, "neigh", "del", this.address, "dev", "eth0");
  }

  /** Takes it all away. Processes in it have to be gone. */
  remove(): void {
    for (const { namespace } of this.#places.values()) attempt("netns", "del", namespace);
    this.#places.clear();
    attempt("link", "del", this.#bridge);
  }

  #place(name: string) {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`the network has no place ${name}`);
    return place;
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

function attempt(...args: readonly string[]): void {
  try {
    ip(...args);
  } catch {
    return;
  }
}
