/** The faults that operators of simulated jobs can be told to have. */
export type OperatorFault = "process" | "snapshot" | "prepare" | "commit";

/** Faults that are armed, and how many have fired. */
export class Faults {
  readonly #armed = new Map<OperatorFault, number>();
  readonly fired = new Map<string, number>();

  arm(fault: OperatorFault): void {
    this.#armed.set(fault, (this.#armed.get(fault) ?? 0) + 1);
  }

  disarmAll(): void {
    this.#armed.clear();
  }

  note(fault: string): void {
    this.fired.set(fault, (this.fired.get(fault) ?? 0) + 1);
  }

  /** Throws when such a fault is armed; once for each arming. */
  strike(fault: OperatorFault, where: string): void {
    const armed = this.#armed.get(fault) ?? 0;
    if (armed === 0) return;
    this.#armed.set(fault, armed - 1);
    this.note(fault);
    throw new Error(`injected ${fault} fault ${this.fired.get(fault)} in ${where}`);
  }
}
