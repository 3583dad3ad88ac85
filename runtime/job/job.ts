import { SluiceError } from "../../actors/error.ts";
import { maxKeyGroups } from "../graph/key.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import { Flow } from "./flow.ts";
import { GraphBuilder } from "./graph_builder.ts";

/** What a job is given besides its operators. */
export interface JobOptions {
  /**
   * Subtasks of each operator that does not say its own.
   * @default that of the run, which is 1 unless it is given
   */
  readonly parallelism?: number;
  /**
   * How many groups keys are hashed to: fixed for the life of the job, and the most subtasks that can work by key.
   * @default 128
   */
  readonly keyGroups?: number;
}

/** A job: what `start` runs, and what a job module exports as its default. */
export interface Job {
  readonly name: string;
  readonly graph: LogicalGraph;
  readonly parallelism: number | undefined;
}

/**
 * Defines a job. `define` is called once, at once, to build its graph; nothing runs before {@link start}.
 *
 * @param name 1 to 64 letters, digits, `_` or `-`
 * @throws {SluiceError} `BAD_NAME`, `BAD_GRAPH`, `DUPLICATE_UID`, `BAD_UID`, `BAD_PARALLELISM`, `OPTION_OUT_OF_RANGE`
 *
 * ```ts ignore
 * export default job("clicks-per-minute", (flow) => {
 *   flow.from("clicks", jsonlSource<Click>("clicks.jsonl"))
 *     .watermarks((click) => click.at, { outOfOrderMs: 5_000 })
 *     .keyBy("user", (click) => click.user)
 *     .window(tumbling(minutes(1)))
 *     .aggregate("count", count())
 *     .to("out", stdout());
 * });
 * ```
 */
export function job(name: string, define: (flow: Flow) => void, options: JobOptions = {}): Job {
  if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new SluiceError("BAD_NAME", `a job's name has 1 to 64 letters, digits, "_" or "-", not ${JSON.stringify(name)}`);
  }
  const { parallelism, keyGroups } = options;
  if (keyGroups !== undefined && !(Number.isInteger(keyGroups) && keyGroups >= 1 && keyGroups <= maxKeyGroups)) {
    throw new SluiceError(
      "OPTION_OUT_OF_RANGE",
      `job ${name}: keyGroups must be a whole number from 1 to ${maxKeyGroups}, not ${keyGroups}`,
    );
  }
  if (parallelism !== undefined && !(Number.isInteger(parallelism) && parallelism >= 1)) {
    throw new SluiceError("BAD_PARALLELISM", `job ${name}: parallelism must be a whole number from 1, not ${parallelism}`);
  }
  const builder = new GraphBuilder(name);
  define(new Flow(builder));
  return { name, graph: builder.build(keyGroups), parallelism };
}

/** Whether a value is a {@link Job}, such as a module's default export. */
export function isJob(value: unknown): value is Job {
  const { name, graph } = Object(value) as Partial<Job>;
  return typeof name === "string" && Array.isArray(graph?.operators) && Array.isArray(graph.edges);
}
