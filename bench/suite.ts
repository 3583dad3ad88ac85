import type { Report } from "./report.ts";

/** What the command line says about how much to measure. */
export interface Effort {
  /** Only enough to see that everything works. */
  readonly quick: boolean;
  /** How long one side of a comparison is measured, in seconds, all rounds together. */
  readonly seconds: number;
  /** How much state, in gigabytes, where a suite asks for it. @default the suite's own */
  readonly gb: number | undefined;
  /** Measure ours and other engines on the same workload, in turn, instead of what the suite measures otherwise. */
  readonly peers: boolean;
}

/** One file of `suites/`: its first line is the question that it answers. */
export interface Suite {
  /** Measures, and says everything in the report. Throws when the sides did not compute the same. */
  run(report: Report, effort: Effort): Promise<void>;
}
