import type { ChildProcess } from "node:child_process";
import process from "node:process";

/** A process of a test's own that it can end, pause and let go on. */
export class ControlledProcess {
  protected child: ChildProcess | undefined;

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Ends it: `SIGKILL` as a crash would, `SIGTERM` in order. Settles when it is gone. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await gone;
  }

  /** Asks it to end, and does not wait. */
  interrupt(): void {
    // Not by the child: on Deno one that was signalled has always ended by that signal, whatever its code.
    if (this.pid !== undefined) process.kill(this.pid, "SIGTERM");
  }

  pause(): void {
    this.child?.kill("SIGSTOP");
  }

  resume(): void {
    this.child?.kill("SIGCONT");
  }
}
