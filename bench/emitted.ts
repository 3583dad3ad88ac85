import type { BenchEvent } from "./jobs/event.ts";

/** What the two readers of a generator have emitted. */
export class Emitted {
  readonly byReader: [number, number] = [0, 0];

  /** `make`, counted: reader i gives i, i + 2, i + 4 … */
  counting(make: (n: number) => BenchEvent): (n: number) => BenchEvent {
    const { byReader } = this;
    return (n) => {
      byReader[n & 1] = (n >>> 1) + 1;
      return make(n);
    };
  }

  get records(): number {
    return this.byReader[0] + this.byReader[1];
  }
}
