/** Which process it is: `startedAt` tells it from others that had the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** An opaque text, different for every process that gets this number; "" where the platform does not say. */
  readonly startedAt: string;
}

/** Whether a process runs; `startedAt` as in {@link ProcessIdentity}. */
export type ProcessState = { readonly kind: "gone" } | { readonly kind: "running"; readonly startedAt: string };

/** The processes of a machine, as everything in Sluice sees them. */
export interface Processes {
  /** The machine's name. */
  readonly host: string;
  /** This process. */
  self(): Promise<ProcessIdentity>;
  /** Looks for a process. In doubt it runs. */
  lookUp(pid: number): Promise<ProcessState>;
}
