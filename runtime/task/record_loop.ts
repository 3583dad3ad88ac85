import type { Frame } from "../graph/frame.ts";
import type { InputChannel } from "./input_channel.ts";
import type { LoadedSubtask } from "./load.ts";

/** Records of a frame that are to be processed, one after another. */
export interface FrameRun {
  readonly loaded: LoadedSubtask;
  input: InputChannel | undefined;
  from: number;
  to: number;
}

/**
 * The loop over records: everything that is per record is in here. Returns how many were processed.
 *
 * To be called apart: a compiler that drew it into what is done once a frame would have less room for what is done for each
 * record.
 */
export function processRecords({ loaded, input, from, to }: FrameRun): number {
  const { port, first } = input as InputChannel;
  const { values, keyGroups, timestamps } = first as Frame;
  const { cursor, brake } = loaded;
  const entry = loaded.chain.entry;
  let at = from;
  cursor.port = port;
  if (keyGroups === undefined) cursor.keyGroup = -1;
  if (timestamps === undefined) cursor.timestamp = NaN;
  while (at < to) {
    if (keyGroups !== undefined) cursor.keyGroup = keyGroups[at] as number;
    if (timestamps !== undefined) cursor.timestamp = timestamps[at] as number;
    entry.collect(values[at++]);
    if (brake.on) break;
  }
  return at - from;
}
