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
    this.#signal("SIGTERM");
  }

  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  /** Not by the child: on Deno one that was signalled passes for ended by that signal, and would not be ended any more. */
  #signal(signal: "SIGTERM" | "SIGSTOP" | "SIGCONT"): void {
    if (this.pid === undefined) return;
    try {
      process.kill(this.pid, signal);
    } catch {
      // It has ended by itself, and that is not known here yet.
    }
  }
}
