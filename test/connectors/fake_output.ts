import type { Clock } from "../../actors/clock.ts";
import type { TextOutput } from "../../runtime/connectors/text_output.ts";

type Listener = (error: Error) => void;

/** An output that passes text on a millisecond after it was written, and is full when `capacity` writes are under way. */
export class FakeOutput implements TextOutput {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #listeners: Record<"drain" | "error", Set<Listener>> = { drain: new Set(), error: new Set() };
  readonly writes: string[] = [];
  #passedOn = "";
  #underWay = 0;
  #broken: Error | undefined;

  constructor(clock: Clock, capacity = Infinity) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** What has been passed on. */
  lines(): string[] {
    return this.#passedOn.split("\n").slice(0, -1);
  }

  /** How many listen to it. */
  get listeners(): number {
    return this.#listeners.drain.size + this.#listeners.error.size;
  }

  /** From now on every write fails, as on a closed pipe. */
  break(error: Error): void {
    this.#broken = error;
  }

  write(text: string, done: (error?: Error | null) => void): boolean {
    this.writes.push(text);
    this.#underWay++;
    this.#clock.setTimer(1, () => {
      this.#underWay--;
      if (this.#broken !== undefined) {
        done(this.#broken);
        for (const listener of [...this.#listeners.error]) listener(this.#broken);
        return;
      }
      this.#passedOn += text;
      done(null);
      if (this.#underWay === this.#capacity - 1) {
        for (const listener of [...this.#listeners.drain]) listener(new Error("unused"));
      }
    });
    return this.#underWay < this.#capacity;
  }

  on(event: "drain" | "error", listener: Listener): void {
    this.#listeners[event].add(listener);
  }

  off(event: "drain" | "error", listener: Listener): void {
    this.#listeners[event].delete(listener);
  }
}
