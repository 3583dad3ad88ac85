import { messageOf } from "../../actors/error.ts";
import type { JobEvent } from "../master/event.ts";

/** One line for people about an event; undefined where there is nothing worth a line. */
export function describeEvent(event: JobEvent): string | undefined {
  switch (event.kind) {
    case "started": {
      const where = Object.entries(event.positions).map(([uid, position]) => `${uid}: ${position}`).join("; ");
      const from = event.checkpoint === undefined ? "from the start" : `from checkpoint ${event.checkpoint} (${event.location})`;
      return `attempt ${event.attempt} runs ${from} after ${event.tookMs.toFixed(0)} ms${where === "" ? "" : `; ${where}`}`;
    }
    case "checkpoint-triggered":
      return undefined;
    case "checkpoint-completed": {
      const { endToEndMs, stateBytes, inFlightRecords } = event.figures;
      return `checkpoint ${event.checkpoint} (${event.reason}): ${endToEndMs.toFixed(1)} ms, ${stateBytes} bytes of state, ` +
        `${inFlightRecords} records in flight`;
    }
    case "checkpoint-aborted":
      return `checkpoint ${event.checkpoint} aborted: ${event.reason}`;
    case "failed":
      return `attempt ${event.attempt} failed: ${messageOf(event.cause)}`;
    case "restarting":
      return `restarting as attempt ${event.attempt} in ${event.delayMs.toFixed(0)} ms`;
    case "rescaling": {
      const { parallelism } = event;
      const of = typeof parallelism === "number"
        ? `${parallelism}`
        : Object.entries(parallelism).map(([uid, number]) => `${uid}: ${number}`).join(", ");
      return of === "" ? "stopping with a checkpoint, to go on elsewhere" : `rescaling to parallelism ${of}`;
    }
    case "record-skipped":
      return `skipped a record (hash ${event.hash}) before ${event.uid}: ${event.error}`;
    case "paused":
      return `paused: ${messageOf(event.cause)}`;
    case "warning":
      return `warning ${event.code}: ${event.message}`;
    case "finished":
      return event.stopped
        ? `stopped with checkpoint ${event.checkpoint}: start it again with the same --state to go on from there`
        : `finished with checkpoint ${event.checkpoint}`;
    case "given-up":
      return `given up: ${messageOf(event.cause)}`;
  }
}

/** An event as one line of JSON: causes become their messages. */
export function eventToJson(event: JobEvent): string {
  return JSON.stringify(event, (_key, value: unknown) => (value instanceof Error ? messageOf(value) : value));
}
