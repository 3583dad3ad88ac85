import { headers, type JetStreamClient, type NatsConnection } from "nats";
import { SluiceError } from "../../actors/error.ts";
import { JetStreamRefusal, type OutgoingMessage, wrongLastSequence } from "./atomic_batch.ts";

/** How far a subtask of a sink has published: the parts of checkpoint `epoch` up to `part`, and all before. */
export interface Marker {
  readonly epoch: number;
  readonly part: number;
  /** Whether `part` is the last one of its epoch. */
  readonly whole: boolean;
  /** Where the marker stands in the stream; 0: there is none yet. */
  readonly sequence: number;
}

/** Before the first one. */
export const noMarker: Marker = { epoch: 0, part: 0, whole: true, sequence: 0 };

/** Whether a marker says that this part of this epoch is out. */
export function covers(marker: Marker, epoch: number, part: number): boolean {
  return marker.epoch > epoch || (marker.epoch === epoch && marker.part >= part);
}

/**
 * The message that fences: it says what is out, and the server stores it only when the marker before it is still the last one.
 * A zombie that publishes the same, and whoever repeats a commit after a crash, is refused whole.
 */
export function markerMessage(subject: string, { epoch, part, whole }: Omit<Marker, "sequence">, after: Marker): OutgoingMessage {
  return {
    subject,
    data: new TextEncoder().encode(JSON.stringify({ epoch, part, whole })),
    headers: { "Nats-Expected-Last-Subject-Sequence": String(after.sequence) },
  };
}

/** The last marker on a subject. */
export async function lastMarker(
  connection: NatsConnection,
  stream: string,
  subject: string,
  timeoutMs = 5_000,
): Promise<Marker> {
  const manager = await connection.jetstreamManager({ checkAPI: false, timeout: timeoutMs });
  let message;
  try {
    message = await manager.streams.getMessage(stream, { last_by_subj: subject });
  } catch (error) {
    if (/no message found/i.test(String(error))) return noMarker;
    throw error;
  }
  const { epoch, part, whole } = message.json<Partial<Marker>>();
  if (typeof epoch !== "number" || typeof part !== "number" || typeof whole !== "boolean") {
    throw new SluiceError(
      "MARKER_UNREADABLE",
      `message ${message.seq} of stream ${stream} on ${subject} is no marker of a sink: give the sink a marker subject that ` +
        "nobody else writes to",
    );
  }
  return { epoch, part, whole, sequence: message.seq };
}

/** Publishes a marker on its own; undefined when another one came before it. */
export async function publishMarker(jetstream: JetStreamClient, message: OutgoingMessage): Promise<number | undefined> {
  const fields = headers();
  for (const [name, value] of Object.entries(message.headers ?? {})) fields.set(name, value);
  try {
    return (await jetstream.publish(message.subject, message.data, { headers: fields })).seq;
  } catch (error) {
    if (isOvertaken(error)) return undefined;
    throw error;
  }
}

/** Whether the server refused something because another marker came first. */
export function isOvertaken(error: unknown): boolean {
  if (error instanceof JetStreamRefusal) return error.errorNumber === wrongLastSequence;
  const api = (error as { readonly api_error?: { readonly err_code?: number } } | undefined)?.api_error;
  return api?.err_code === wrongLastSequence;
}
