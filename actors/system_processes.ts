import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { Processes, ProcessIdentity, ProcessState } from "./processes.ts";

/** Where the start of a process stands in `/proc/<pid>/stat`, counted behind the name (proc(5): field 22; state is field 3). */
const startField = 19;

class SystemProcesses implements Processes {
  readonly host = hostname();

  async self(): Promise<ProcessIdentity> {
    const state = await stateInProc(process.pid);
    return { pid: process.pid, startedAt: state?.kind === "running" ? state.startedAt : "" };
  }

  async lookUp(pid: number): Promise<ProcessState> {
    const state = await stateInProc(pid);
    if (state !== undefined) return state;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if (error instanceof Error && (error as { readonly code?: unknown }).code === "ESRCH") return { kind: "gone" };
    }
    return { kind: "running", startedAt: "" };
  }
}

/** What Linux says of a process; undefined where there is no such file, or no permission to read it. */
async function stateInProc(pid: number): Promise<ProcessState | undefined> {
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "latin1"),
      readFile("/proc/sys/kernel/random/boot_id", "latin1"),
    ]);
    // The name is in parentheses and may hold anything, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    if (state === "Z" || state === "X") return { kind: "gone" };
    const start = fields[startField];
    return start === undefined ? undefined : { kind: "running", startedAt: `${bootId.trim()}:${start}` };
  } catch {
    return undefined;
  }
}

const machine = new SystemProcesses();

/** The processes of this machine. */
export function systemProcesses(): Processes {
  return machine;
}
