import type { Source } from "../graph/source.ts";
import type { GraphBuilder, OperatorOptions } from "./graph_builder.ts";
import { Stream } from "./stream.ts";

/** Where the streams of a job begin. */
export class Flow {
  readonly #builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /**
   * Reads a source.
   *
   * @param uid names it in checkpoints: keep it, and its position is found again
   */
  from<T>(uid: string, source: Source<T>, options: OperatorOptions = {}): Stream<T, false> {
    const id = this.#builder.add(uid, "source", { kind: "source", source: source as Source<unknown> }, [], options);
    return new Stream<T, false>(this.#builder, [{ from: id, partitioner: { kind: "forward" }, mode: undefined, timed: false }]);
  }
}
