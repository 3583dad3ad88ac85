import type { ChildProcess } from "node:child_process";

/** A process of a test's own that it can end, pause and let go on. */
export class ControlledProcess {
  protected child: ChildProcess | undefined;

  /** Ends it: `SIGKILL` as a crash would, `SIGTERM` in order. Settles when it is gone. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await gone;
  }

  pause(): void {
    this.child?.kill("SIGSTOP");
  }

  resume(): void {
    this.child?.kill("SIGCONT");
  }
}
