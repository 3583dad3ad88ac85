import { messageOf, SluiceError } from "../../actors/error.ts";
import type { SinkOperator } from "./sink_operator.ts";

/** Makes visible what the sinks of a subtask hold of checkpoints up to `id`; rejects with `COMMIT_FAILED`, naming the subtask. */
export async function commitSinks(subtask: string, sinks: readonly SinkOperator[], id: number): Promise<void> {
  try {
    await Promise.all(sinks.map((sink) => sink.commit(id)));
  } catch (error) {
    const said = messageOf(error);
    throw new SluiceError("COMMIT_FAILED", `${subtask} could not commit checkpoint ${id}: ${said}`, { cause: error });
  }
}
