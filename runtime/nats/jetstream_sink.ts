import type { NatsConnection, StreamInfo } from "nats";
import { SluiceError } from "../../actors/error.ts";
import { checkOneOf, checkText } from "../connectors/option.ts";
import { jsonBytes } from "../connectors/json_line.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
import type { OutgoingMessage } from "./atomic_batch.ts";
import { EpochCommit, sinkName } from "./epoch_commit.ts";
import { lastMarker } from "./epoch_marker.ts";
import { PublishWindow } from "./publish_window.ts";
import { type ConnectionHold, type NatsPlace, openOn, SharedConnection } from "./connection_hold.ts";
import { checkMayStore } from "./rights.ts";
import { streamInfo } from "./stream_reader.ts";

/** What a JetStream sink can be told. */
export interface JetStreamSinkOptions<T> {
  readonly nats: NatsPlace;
  /** The stream that takes the subjects. It must exist. */
  readonly stream: string;
  /** Where a record goes: one subject for all, or one for each. */
  readonly subject: string | ((value: T) => string);
  /** The bytes of a record. @default JSON */
  readonly data?: (value: T) => Uint8Array;
  readonly headers?: (value: T) => Readonly<Record<string, string>>;
  /**
   * `transactional`: what a checkpoint covers shows when it is complete, each record once. `at-least-once`: records show at once,
   * and again when they are replayed.
   * @default "transactional"
   */
  readonly delivery?: "transactional" | "at-least-once";
  /**
   * Markers of what is out stand under this subject, which the stream must take: consumers that read everything see them.
   * @default the stream's first subject that ends in `>`, with `_sluice` in its place
   */
  readonly markers?: string;
}

/**
 * Writes records to a JetStream stream.
 *
 * Transactional: records wait in the checkpoint and are published once it is complete, as atomic batches where the server and
 * the stream have them (server 2.12 and later, `allow_atomic`), else one by one under ids that are looked for after a crash. A
 * warning says what the stream lacks: atomic batches, or storage that survives a power failure.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE` at once; `NATS_UNREACHABLE`, `NATS_REFUSED`, `NATS_DENIED`, `STREAM_MISSING`,
 * `MARKER_SUBJECT_MISSING` at the start; `JETSTREAM_COMMIT_FAILED`, and `NATS_DENIED` for subjects that depend on the record
 *
 * @example
 * ```ts ignore
 * stream.to("totals", jetStreamSink({ nats: { servers }, stream: "TOTALS", subject: (total) => `totals.${total.airport}` }))
 * ```
 */
export function jetStreamSink<T>(options: JetStreamSinkOptions<T>): Sink<T> {
  const owner = "jetStreamSink";
  checkText(owner, "stream", options.stream);
  if (typeof options.subject !== "function") checkText(owner, "subject", options.subject);
  checkOneOf(owner, "delivery", options.delivery, ["transactional", "at-least-once"]);
  return options.delivery === "at-least-once" ? new PlainJetStreamSink<T>(options) : new TransactionalJetStreamSink<T>(options);
}

/** How long the server may take to confirm a message, in milliseconds. */
const confirmMs = 10_000;

/** As much for a commit, which is tried again: what is not confirmed is looked for first. */
const commitMs = 3_000;

/** How long a commit is tried while NATS is away, in milliseconds. */
const patienceMs = 60_000;

function outgoing<T>(options: JetStreamSinkOptions<T>, value: T, uid: string): OutgoingMessage {
  const { subject, data, headers } = options;
  const bytes = data === undefined ? jsonBytes(value, uid) : data(value);
  const to = typeof subject === "function" ? subject(value) : subject;
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(to)) {
    throw new SluiceError("BAD_SUBJECT", `sink ${uid}: ${JSON.stringify(to)} is no subject to publish on`);
  }
  return { subject: to, data: bytes, headers: headers?.(value) };
}

class PlainJetStreamSink<T> implements Sink<T> {
  readonly kind = "jetstream";
  readonly delivery = "at-least-once";
  readonly #options: JetStreamSinkOptions<T>;
  readonly #shared: SharedConnection;

  constructor(options: JetStreamSinkOptions<T>) {
    this.#options = options;
    this.#shared = new SharedConnection(options.nats);
  }

  async open(context: SinkContext): Promise<SinkWriter<T>> {
    return await openOn(this.#shared, `sink ${context.uid}`, async ({ connection, release }) => {
      const who = `sink ${context.uid}`;
      await streamInfo(connection, this.#options.stream, who);
      await checkMayStore(connection, who, fixedSubjects(this.#options));
      const window = new PublishWindow(connection.jetstream(), who, confirmMs);
      return {
        write: (value) => window.publish(outgoing(this.#options, value, context.uid)),
        flush: () => window.settled(),
        close: async () => {
          await window.settled().catch(() => {}); // a failure has shown itself in write or flush
          await release();
        },
      };
    });
  }
}

/** What travels in a checkpoint: whose output it is, and the messages. */
interface Prepared {
  readonly life: string;
  readonly job: string;
  readonly messages: readonly (readonly [subject: string, data: Uint8Array, headers?: Readonly<Record<string, string>>])[];
}

class TransactionalJetStreamSink<T> implements Sink<T> {
  readonly kind = "jetstream";
  readonly delivery = "transactional";
  readonly #options: JetStreamSinkOptions<T>;
  readonly #shared: SharedConnection;

  constructor(options: JetStreamSinkOptions<T>) {
    this.#options = options;
    this.#shared = new SharedConnection(options.nats);
  }

  async open(context: SinkContext): Promise<SinkWriter<T>> {
    return await openOn(this.#shared, `sink ${context.uid}`, async (hold) => {
      const info = await streamInfo(hold.connection, this.#options.stream, `sink ${context.uid}`);
      const atomic = hasAtomicBatches(hold.connection, info);
      if (context.subtask === 0) this.#warn(context, info, atomic);
      const prefix = markerPrefix(this.#options, info, context.uid);
      const markers = markersOf(prefix, sinkName(context.life, context.job, context.uid), context.subtask);
      await checkMayStore(hold.connection, `sink ${context.uid}`, [...fixedSubjects(this.#options), markers]);
      return this.#writer(context, hold, prefix, atomic);
    });
  }

  #writer(context: SinkContext, hold: ConnectionHold, prefix: string, atomic: boolean): SinkWriter<T> {
    const commits = new Map<string, EpochCommit>();
    const patience = { clock: context.clock, signal: context.signal, patienceMs };
    const commitOf = ({ life, job }: Pick<Prepared, "life" | "job">, subtask: number): EpochCommit => {
      const sink = sinkName(life, job, context.uid);
      const name = `${sink}-${subtask}`;
      let commit = commits.get(name);
      if (commit === undefined) {
        const owner = { stream: this.#options.stream, markers: markersOf(prefix, sink, subtask), name };
        commits.set(
          name,
          commit = new EpochCommit(hold.connection, owner, { atomic, attempt: context.attempt, confirmMs: commitMs, patience }),
        );
      }
      return commit;
    };
    let written: OutgoingMessage[] = [];
    return {
      write: (value) => {
        written.push(outgoing(this.#options, value, context.uid));
      },
      prepare: (checkpointId) => {
        if (written.length === 0) return undefined;
        const messages = written.map(({ subject, data, headers }) =>
          headers === undefined ? [subject, data] as const : [subject, data, headers] as const
        );
        written = [];
        commitOf(context, context.subtask).isNew(checkpointId);
        return { life: context.life, job: context.job, messages } satisfies Prepared;
      },
      commit: async (committables) => {
        for (const { checkpointId, subtask, content } of committables) {
          const { life, job, messages } = readPrepared(content, checkpointId, context);
          const parts = messages.map(([subject, data, headers]) => ({ subject, data, headers }));
          await commitOf({ life, job }, subtask).commit({ id: checkpointId, messages: parts });
        }
      },
      close: async () => {
        written = [];
        await hold.release();
      },
    };
  }

  async lastCommitted(context: SinkContext): Promise<CheckpointId> {
    const { stream } = this.#options;
    const hold = await this.#shared.hold();
    try {
      const prefix = markerPrefix(this.#options, await streamInfo(hold.connection, stream, `sink ${context.uid}`), context.uid);
      const filter = `${prefix}.${sinkName(context.life, context.job, context.uid)}.>`;
      const manager = await hold.connection.jetstreamManager({ checkAPI: false });
      const { state } = await manager.streams.info(stream, { subjects_filter: filter });
      let last = 0;
      for (const subject of Object.keys(state.subjects ?? {})) {
        last = Math.max(last, (await lastMarker(hold.connection, stream, subject)).epoch);
      }
      return last;
    } finally {
      await hold.release();
    }
  }

  #warn(context: SinkContext, info: StreamInfo, atomic: boolean): void {
    const say = (message: string) =>
      context.log({ level: "warn", from: context.uid, message: `stream ${info.config.name} ${message}` });
    if (!atomic) {
      say(
        "has no atomic batches (server 2.12 and allow_atomic): a paused process that publishes again after the stream's " +
          "duplicate window can repeat messages",
      );
    }
    if (String(info.config.storage) === "memory") say("is kept in memory: a restart of the server loses what it confirmed");
    else if (info.config.num_replicas === 1) {
      say("has one replica: unless the server runs with sync_interval: always, a power failure can lose what it confirmed");
    }
  }
}

/** Where records go whatever they are. */
function fixedSubjects<T>({ subject }: JetStreamSinkOptions<T>): readonly string[] {
  return typeof subject === "string" ? [subject] : [];
}

function markersOf(prefix: string, sink: string, subtask: number): string {
  return `${prefix}.${sink}.${subtask}`;
}

function hasAtomicBatches(connection: NatsConnection, info: StreamInfo): boolean {
  const [major = 0, minor = 0] = (connection.info?.version ?? "").split(".").map(Number);
  const isNewEnough = major > 2 || (major === 2 && minor >= 12);
  return isNewEnough && (info.config as { readonly allow_atomic?: boolean }).allow_atomic === true;
}

/** The subject under which markers stand. */
function markerPrefix<T>(options: JetStreamSinkOptions<T>, info: StreamInfo, uid: string): string {
  if (options.markers !== undefined) return options.markers;
  const open = info.config.subjects.find((subject) => subject.endsWith(".>"));
  if (open !== undefined && !open.includes("*")) return `${open.slice(0, -1)}_sluice`;
  throw new SluiceError(
    "MARKER_SUBJECT_MISSING",
    `sink ${uid}: stream ${info.config.name} takes no subject that ends in ".>", so there is no place for the marks of what is ` +
      `out: add one to the stream, or name a subject that it takes with the option markers`,
  );
}

function readPrepared(content: unknown, checkpointId: CheckpointId, { uid, job: own }: SinkContext): Prepared {
  const { life, job = own, messages } = Object(content) as Partial<Prepared>;
  if (typeof life === "string" && typeof job === "string" && Array.isArray(messages)) return { life, job, messages };
  throw new SluiceError(
    "CHECKPOINT_DAMAGED",
    `sink ${uid}: what was prepared for checkpoint ${checkpointId} is not of a JetStream sink`,
  );
}
