import type { Source } from "../graph/source.ts";
import type { GraphBuilder } from "./graph_builder.ts";
import type { OperatorOptions } from "./operator_options.ts";
import { Stream } from "./stream.ts";
import { forward } from "./tap.ts";

/** Where the streams of a job begin: what the function given to `job` works with. */
export class Flow {
  readonly #builder: GraphBuilder;

  /** The flow of a job is made by `job`. */
  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /**
   * The stream of a source's records.
   *
   * @param uid the name under which the source's positions are kept: unique in the job, and never changed
   *
   * @example
   * ```ts ignore
   * flow.from("flights", jsonArraySource<Flight>("flights.json"), { parallelism: 1 })
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  from<T>(uid: string, source: Source<T>, options: OperatorOptions = {}): Stream<T, false> {
    if (typeof source?.splits !== "function" || typeof source.open !== "function") {
      throw this.#builder.mistake(`from(${JSON.stringify(uid)}, …) was not given a source; give one, such as generate({ … })`);
    }
    const id = this.#builder.add(uid, "source", { kind: "source", source: source as Source<unknown> }, [], options);
    return new Stream<T, false>(this.#builder, [forward(id, false)]);
  }
}
