import type { BenchEvent } from "./jobs/event.ts";

/** What the readers of a generator, one or two, have emitted. */
export class Emitted {
  readonly byReader: number[];

  constructor(readers: 1 | 2 = 2) {
    this.byReader = readers === 1 ? [0] : [0, 0];
  }

  /** `make`, counted: of two readers, reader i gives i, i + 2, i + 4 … */
  counting(make: (n: number) => BenchEvent): (n: number) => BenchEvent {
    const { byReader } = this;
    if (byReader.length === 1) {
      return (n) => {
        byReader[0] = n + 1;
        return make(n);
      };
    }
    return (n) => {
      byReader[n & 1] = (n >>> 1) + 1;
      return make(n);
    };
  }

  get records(): number {
    return this.byReader.reduce((sum, emitted) => sum + emitted, 0);
  }
}
