import type { Processes, ProcessIdentity, ProcessState } from "../processes.ts";

/** A process of a {@link SimulatedMachine}: the machine as it sees it, and what can happen to it. */
export interface SimulatedProcess extends Processes {
  readonly identity: ProcessIdentity;
  /** Ends it at once. */
  kill(): void;
}

/** A machine whose processes are numbered as told, so that numbers can come again. */
export class SimulatedMachine {
  readonly host: string;
  readonly #running = new Map<number, string>();
  #starts = 0;

  constructor(host: string = "simulated") {
    this.host = host;
  }

  /** Starts a process; its number must be free. `tellsStart` false: the platform does not say when processes started. */
  start(pid: number, tellsStart: boolean = true): SimulatedProcess {
    if (this.#running.has(pid)) throw new RangeError(`process ${pid} runs already`);
    const startedAt = tellsStart ? `start ${++this.#starts}` : "";
    this.#running.set(pid, startedAt);
    const identity: ProcessIdentity = { pid, startedAt };
    return {
      host: this.host,
      identity,
      self: () => Promise.resolve(identity),
      lookUp: (other) => Promise.resolve(this.#lookUp(other)),
      kill: () => void this.#running.delete(pid),
    };
  }

  /** Ends all processes. */
  reboot(): void {
    this.#running.clear();
  }

  #lookUp(pid: number): ProcessState {
    const startedAt = this.#running.get(pid);
    return startedAt === undefined ? { kind: "gone" } : { kind: "running", startedAt };
  }
}
