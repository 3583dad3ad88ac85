import { SluiceError } from "../../actors/error.ts";
import { defaultKeyGroups, maxKeyGroups } from "../graph/key.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import { plan } from "../graph/planner.ts";
import { Flow } from "./flow.ts";
import { GraphBuilder } from "./graph_builder.ts";
import { checkParallelism, shown } from "./operator_options.ts";

/** What a job can be told. */
export interface JobOptions {
  /**
   * How many subtasks an operator runs as that says nothing of its own: a whole number from 1. Starting the job can set another.
   * @default 1
   */
  readonly parallelism?: number;
  /**
   * How many groups keys are hashed to: a whole number from 1 to 32768. It bounds the parallelism behind `keyBy`, and can never
   * be changed in the life of a job.
   * @default 128
   */
  readonly keyGroups?: number;
}

/** A job, ready to be started: a description, without anything running. */
export interface Job {
  /** Under which checkpoints are kept. */
  readonly name: string;
  readonly graph: LogicalGraph;
  /** The parallelism that the job asks for; undefined: whoever starts it decides. */
  readonly parallelism: number | undefined;
}

/**
 * Describes a job: where records come from, what is done with them, and where results go. Nothing runs before `start`.
 *
 * - **Names:** every source, sink and operator with state has a uid, under which its state is found again after a restart. Keep
 *   them when the job changes.
 * - **Purity:** the functions handed to operators must depend on nothing but their arguments, so that what is done again after a
 *   failure comes to the same.
 *
 * @param name names the job's checkpoints: 1 to 64 letters, digits, `_` or `-`
 * @param define called once, at once; builds the streams. Each must end in a sink
 *
 * @example
 * ```ts ignore
 * export default job("clicks-per-minute", (flow) =>
 *   flow.from("clicks", clicks)
 *     .watermarks((click) => click.at, { outOfOrderMs: 5_000 })
 *     .keyBy("user", (click) => click.user)
 *     .window(tumbling(minutes(1)))
 *     .aggregate("count", count())
 *     .to("out", stdout()));
 * ```
 * @throws {SluiceError} `BAD_GRAPH` when a stream leads to no sink or there is no source; `JOB_DEFINITION` when something given
 * is not what it should be, or `define` is async; `DUPLICATE_UID`, `BAD_UID`, `BAD_NAME`, `BAD_PARALLELISM`,
 * `OPTION_OUT_OF_RANGE`
 */
export function job(name: string, define: (flow: Flow) => unknown, options: JobOptions = {}): Job {
  if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new SluiceError("BAD_NAME", `a job's name has 1 to 64 letters, digits, "_" or "-", not ${shown(name)}`);
  }
  const { parallelism, keyGroups = defaultKeyGroups } = options;
  checkParallelism(`job ${name}`, parallelism);
  if (!Number.isSafeInteger(keyGroups) || keyGroups < 1 || keyGroups > maxKeyGroups) {
    throw new SluiceError(
      "OPTION_OUT_OF_RANGE",
      `job ${name}: keyGroups must be a whole number from 1 to ${maxKeyGroups}, not ${shown(keyGroups)}`,
    );
  }
  if (typeof define !== "function") {
    throw new SluiceError(
      "JOB_DEFINITION",
      `job ${name} was not given a function; give one that takes the flow and builds streams`,
    );
  }
  const builder = new GraphBuilder(name);
  const answer = define(new Flow(builder));
  if (typeof (answer as PromiseLike<unknown> | undefined | null)?.then === "function") {
    (answer as PromiseLike<unknown>).then(undefined, () => {}); // what it may reject with comes too late to matter
    throw new SluiceError(
      "JOB_DEFINITION",
      `job ${name} was given an async function; await what there is to await before job(), so that every machine builds the ` +
        `same graph`,
    );
  }
  const graph = builder.build(keyGroups);
  plan(graph, { parallelism: parallelism ?? 1 }); // what cannot run is refused now
  return { name, graph, parallelism };
}

/** Whether a value is a job, such as a module's default export. */
export function isJob(value: unknown): value is Job {
  if (typeof value !== "object" || value === null) return false;
  const { name, graph } = value as Partial<Job>;
  return typeof name === "string" && Array.isArray(graph?.operators) && Array.isArray(graph.edges);
}
