import { SluiceError } from "../../actors/error.ts";
import type { LogicalRole } from "../graph/logical.ts";
import { iterateOperator } from "../operators/iterate.ts";
import type { GraphBuilder } from "./graph_builder.ts";
import { type IterateOptions, shown } from "./operator_options.ts";
import type { Stream } from "./stream.ts";
import { transform } from "./graph_builder.ts";

/** What the body of a loop gives: what goes round again, and what comes out. */
export interface LoopEnds<T, Timed extends boolean, Out> {
  /** These records come to the body again. In the long run there must be fewer of them than go in. */
  readonly feedback: Stream<T, Timed>;
  /** What `iterate` returns: a stream, several of them under names, or nothing. */
  readonly output: Out;
}

/** The role of a loop's head. @throws {SluiceError} `OPTION_OUT_OF_RANGE` */
export function loopHead(uid: string, { feedbackBytes, feedbackSpillBytes }: IterateOptions): LogicalRole {
  const role = transform(iterateOperator(), true);
  const limits: Record<string, number> = {};
  for (
    const [name, bytes, least] of [["feedbackBytes", feedbackBytes, 1], ["feedbackSpillBytes", feedbackSpillBytes, 0]] as const
  ) {
    if (bytes === undefined) continue;
    if (!Number.isSafeInteger(bytes) || bytes < least) {
      throw new SluiceError(
        "OPTION_OUT_OF_RANGE",
        `loop ${JSON.stringify(uid)}: ${name} must be a whole number from ${least}, not ${shown(bytes)}`,
      );
    }
    limits[name] = bytes;
  }
  return { ...role, ...limits } as LogicalRole;
}

/** What a body gave, if it is what a body must give. @throws {SluiceError} `JOB_DEFINITION` */
export function checkedEnds<T, Timed extends boolean, Out>(
  builder: GraphBuilder,
  uid: string,
  ends: LoopEnds<T, Timed, Out>,
  isStream: (value: unknown) => boolean,
): LoopEnds<T, Timed, Out> {
  const { feedback } = Object(ends) as Partial<LoopEnds<T, Timed, Out>>;
  if (isStream(feedback)) return ends;
  throw builder.mistake(`the body of iterate(${JSON.stringify(uid)}, …) must return { feedback, output }, feedback a stream`);
}
