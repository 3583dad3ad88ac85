/** True when two types are the same, not merely assignable to each other. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Compiles only for `true`: `holds<Same<typeof total, number>>()`. Does nothing when it runs. */
export function holds<_Fact extends true>(): void {}
