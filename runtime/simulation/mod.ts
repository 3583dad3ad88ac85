/**
 * Test your own job: {@link simulate} runs it in virtual time, on a simulated disk and network, under faults that are drawn from
 * seeds, and compares what became visible with a run in which nothing goes wrong.
 *
 * ```ts run
 * import { count, job, memorySink, memorySource } from "sluice";
 * import { simulate } from "sluice/simulation";
 *
 * const words = ["to", "be", "or", "not", "to", "be"];
 *
 * const report = await simulate(() =>
 *   job("words", (flow) =>
 *     flow.from("words", memorySource(words))
 *       .keyBy("word", (word) => word)
 *       .aggregate("count", count())
 *       .to("totals", memorySink())), { seeds: 20 });
 *
 * console.log(`${report.seeds} seeds, every word counted once`);
 * ```
 *
 * prints
 *
 * ```text output
 * 20 seeds, every word counted once
 * ```
 *
 * @module
 */

export { faultKinds } from "./fault.ts";
export { SimulationFailure } from "./failure.ts";
export { simulate } from "./simulate.ts";

export type { FaultEvent, FaultKind } from "./fault.ts";
export type { Deployment } from "./conditions.ts";
export type { Comparison } from "./judge.ts";
export type { Replay } from "./replay.ts";
export type { SimulationReport, SimulationResult } from "./result.ts";
export type { JobUnderTest, JobWorld, SimulatedStart } from "./subject.ts";
export type { SimulateOptions } from "./simulate.ts";
export type { Violation, ViolationKind } from "./violation.ts";
