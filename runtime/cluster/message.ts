/**
 * What coordinators and workers tell each other: each message is a whole state, wanted or actual, said again until both agree. So
 * a lost, repeated or late one does no harm (protocol 2.10, 4.2).
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { crc32 } from "../../actors/checksum.ts";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { mismatch } from "../../actors/schema_check.ts";
import { maxParallelism } from "../graph/parallelism.ts";
import { AcknowledgementSchema, DataFileSchema } from "./acknowledgement_schema.ts";
import { moduleName } from "./module_folder.ts";
import { RestorePlanSchema } from "./restore_plan_schema.ts";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Name = Type.String({ pattern: "^[A-Za-z0-9_-]{1,128}$" });
const Elapsed = Type.Number({ minimum: 0 });
const Subtasks = Type.Integer({ minimum: 1, maximum: maxParallelism });
const Parallelism = Type.Union([Subtasks, Type.Record(Type.String(), Subtasks)]);

/** The version of these messages: members of another one refuse each other (reliability row 53). */
export const protocolVersion = 1;

/** What a worker is to do about one attempt. */
export const JobOrder = Type.Object({
  job: Name,
  attempt: Count,
  /** `load`: be ready. `run`: process, once loaded. `stop`: end it. `keep`: nothing is decided yet. */
  phase: Type.Union([Type.Literal("load"), Type.Literal("run"), Type.Literal("stop"), Type.Literal("keep")]),
  /** Checkpoints under way. `elapsedMs`: since the trigger. `mode`: of this one, where that is not the job's. */
  open: Type.Array(Type.Object({
    id: Count,
    last: Type.Boolean(),
    elapsedMs: Elapsed,
    mode: Type.Union([Type.Literal("aligned"), Type.Literal("unaligned"), Type.Null()]),
  })),
  /** The latest completed checkpoint. */
  completed: Count,
  /** Aborted ids above it, as ranges: first and last. */
  aborted: Type.Array(Type.Tuple([Count, Count])),
  /** How far each loop is to end. */
  loops: Type.Array(Type.Object({ loop: Count, phase: Type.Union([Type.Literal("flush"), Type.Literal("close")]) })),
  /** Ids of which this worker's outcomes have arrived. */
  received: Type.Array(Count),
});
export type JobOrder = Static<typeof JobOrder>;

/** From the coordinator to one worker. */
export const Order = Type.Object({
  version: Type.Literal(protocolVersion),
  kind: Type.Literal("order"),
  coordinator: Name,
  term: Count,
  /** Grows with every order of a term. */
  seq: Count,
  /** False while the coordinator does not know all jobs: what is not named goes on. */
  settled: Type.Boolean(),
  jobs: Type.Array(JobOrder),
});
export type Order = Static<typeof Order>;

const AttemptPhase = Type.Union([
  Type.Literal("loading"),
  Type.Literal("ready"),
  Type.Literal("running"),
  Type.Literal("failed"),
  Type.Literal("stopped"),
]);

/** A record, told from others without being shown. */
const RecordName = Type.Object({
  uid: Type.String(),
  hash: Type.String(),
  keyHash: Type.Union([Type.Undefined(), Type.String()]),
});

/** How one attempt is at a worker. */
export const AttemptReport = Type.Object({
  job: Name,
  attempt: Count,
  phase: AttemptPhase,
  /** Why it failed; `record`: at which record, where that is known. */
  failure: Type.Union([
    Type.Null(),
    Type.Object({ code: Type.String(), message: Type.String(), record: Type.Union([Type.Null(), RecordName]) }),
  ]),
  /** Records that were kept from operators so far. */
  skipped: Type.Array(Type.Object({ ...RecordName.properties, subtask: Count })),
  /** Numbers of subtasks. */
  finished: Type.Array(Count),
  drained: Type.Array(Count),
  /** The latest checkpoint that each subtask's sinks have committed. */
  committed: Type.Array(Type.Tuple([Count, Count])),
  /** Where its sources are, by uid. */
  positions: Type.Record(Type.String(), Type.String()),
});
export type AttemptReport = Static<typeof AttemptReport>;

/** From a worker to all coordinators. */
export const Report = Type.Object({
  version: Type.Literal(protocolVersion),
  kind: Type.Literal("report"),
  worker: Name,
  /** Grows with every report. */
  seq: Count,
  /** The highest term it has seen: it takes no orders of a lower one. */
  term: Count,
  slots: Count,
  /** The order of that term that it has obeyed last. */
  order: Count,
  /** `leaving`: it wants to end, what runs here is to go on elsewhere. `gone`: it says nothing any more. */
  presence: Type.Union([Type.Literal("here"), Type.Literal("leaving"), Type.Literal("gone")]),
  attempts: Type.Array(AttemptReport),
});
export type Report = Static<typeof Report>;

/** From a thread of a worker's process: its event loop does not turn. */
export const Blocked = Type.Object({
  version: Type.Literal(protocolVersion),
  kind: Type.Literal("blocked"),
  worker: Name,
  blockedMs: Elapsed,
  /** Whose turn it is that does not end. */
  place: Type.String(),
});
export type Blocked = Static<typeof Blocked>;

/** From a worker: what has come of its share in a checkpoint. */
export const Outcome = Type.Object({
  version: Type.Literal(protocolVersion),
  kind: Type.Literal("outcome"),
  worker: Name,
  job: Name,
  attempt: Count,
  id: Count,
  result: Type.Union([
    Type.Object({
      kind: Type.Literal("durable"),
      file: DataFileSchema,
      acknowledgements: Type.Array(AcknowledgementSchema),
      /** What subtasks have counted: task, subtask, counts. */
      counts: Type.Array(Type.Tuple([Count, Count, Type.Record(Type.String(), Type.Number())])),
    }),
    Type.Object({ kind: Type.Literal("declined"), reason: Type.String(), counts: Type.Boolean() }),
  ]),
});
export type Outcome = Static<typeof Outcome>;

/** The same question asked again has the same id: what it asks for is done once. */
const asked = { version: Type.Literal(protocolVersion), id: Name };

/** What a client wants to be run. */
const submission = {
  module: Type.RegExp(moduleName),
  /** What the job is to be called; null: as its module says. */
  job: Type.Union([Type.Null(), Name]),
  options: Type.Record(Type.String(), Type.Unknown()),
};

/** Where a savepoint goes, and its mode where that is not the job's. */
const savepoint = {
  place: Type.String({ minLength: 1, maxLength: 4_096 }),
  mode: Type.Union([Type.Literal("aligned"), Type.Literal("unaligned"), Type.Null()]),
};

/** What a client asks. */
export const Question = Type.Union([
  Type.Object({
    ...asked,
    kind: Type.Literal("submit"),
    ...submission,
  }),
  /** What would be restored if it were submitted? */
  Type.Object({ ...asked, kind: Type.Literal("plan"), ...submission }),
  Type.Object({ ...asked, kind: Type.Literal("list") }),
  /** Answered at once; with a savepoint, when that is written. */
  Type.Object({
    ...asked,
    kind: Type.Literal("stop"),
    job: Name,
    savepoint: Type.Union([Type.Null(), Type.Object(savepoint)]),
  }),
  /** Answered when it is written; the job goes on. */
  Type.Object({ ...asked, kind: Type.Literal("savepoint"), job: Name, ...savepoint }),
  Type.Object({ ...asked, kind: Type.Literal("cancel"), job: Name }),
  /** Go on after a pause. */
  Type.Object({ ...asked, kind: Type.Literal("resume"), job: Name }),
  Type.Object({ ...asked, kind: Type.Literal("rescale"), job: Name, parallelism: Parallelism }),
]);
export type Question = Static<typeof Question>;

type Asked<Q> = Q extends Question ? Omit<Q, keyof typeof asked> : never;
/** A question without what every question has. */
export type Request = Asked<Question>;

/** A job, as clients see it. */
export const JobView = Type.Object({
  job: Name,
  module: Type.String(),
  state: Type.String(),
  attempt: Count,
  /** The latest completed checkpoint, 0 without one. */
  checkpoint: Count,
  /** Where that is. */
  location: Type.Union([Type.Null(), Type.String()]),
  workers: Type.Array(Name),
  /** Why it is over, or what it waits for. */
  failure: Type.Union([Type.Null(), Type.String()]),
});
export type JobView = Static<typeof JobView>;

/** A worker, as clients see it. */
export const WorkerView = Type.Object({
  worker: Name,
  slots: Count,
  used: Count,
  leaving: Type.Boolean(),
  blocked: Type.Union([Type.Null(), Type.String()]),
});
export type WorkerView = Static<typeof WorkerView>;

export const Answer = Type.Union([
  /** It is being done: ask again. */
  Type.Object({ version: Type.Literal(protocolVersion), kind: Type.Literal("pending") }),
  Type.Object({
    version: Type.Literal(protocolVersion),
    kind: Type.Literal("savepoint"),
    job: Name,
    checkpoint: Count,
    location: Type.String(),
  }),
  /** Null: there is nothing to restore. */
  Type.Object({
    version: Type.Literal(protocolVersion),
    kind: Type.Literal("plan"),
    plan: Type.Union([Type.Null(), RestorePlanSchema]),
  }),
  Type.Object({ version: Type.Literal(protocolVersion), kind: Type.Literal("accepted"), job: Name }),
  Type.Object({
    version: Type.Literal(protocolVersion),
    kind: Type.Literal("listing"),
    coordinator: Name,
    term: Count,
    jobs: Type.Array(JobView),
    workers: Type.Array(WorkerView),
  }),
  Type.Object({
    version: Type.Literal(protocolVersion),
    kind: Type.Literal("refused"),
    code: Type.String(),
    message: Type.String(),
  }),
]);
export type Answer = Static<typeof Answer>;

/** A message, or why the bytes are none. `foreign`: since whoever sent them speaks another version of the protocol. */
export type Opened<T> =
  | { readonly kind: "message"; readonly message: T }
  | { readonly kind: "corrupt"; readonly reason: string; readonly foreign: boolean };

const headerBytes = 4;

/** A message as bytes: a checksum, then msgpack. */
export function sealMessage(message: Order | Report | Outcome | Blocked | Question | Answer): Uint8Array {
  return sealValue(message);
}

/** A value as {@link openValue} reads it. */
export function sealValue(value: unknown): Uint8Array {
  const bytes = encodeValue(value, "message", undefined, headerBytes);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, crc32(bytes.subarray(headerBytes)), true);
  return bytes;
}

/** Reads a message of one schema. Never throws, whatever the bytes. */
export function openMessage<S extends TSchema>(schema: S, bytes: Uint8Array, maxBytes: number): Opened<Static<S>> {
  return open(schema, bytes, maxBytes, otherVersion);
}

/** Reads a value of one schema. Never throws, whatever the bytes. */
export function openValue<S extends TSchema>(schema: S, bytes: Uint8Array, maxBytes: number): Opened<Static<S>> {
  return open(schema, bytes, maxBytes, () => undefined);
}

function open<S extends TSchema>(
  schema: S,
  bytes: Uint8Array,
  maxBytes: number,
  foreign: (value: unknown) => string | undefined,
): Opened<Static<S>> {
  const corrupt = (reason: string) => ({ kind: "corrupt", reason, foreign: false }) as const;
  if (bytes.length <= headerBytes) return corrupt(`${bytes.length} bytes are no message`);
  const body = bytes.subarray(headerBytes);
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) !== crc32(body)) return corrupt("its checksum is wrong");
  const decoded = decodeValue(body, { maxBytes });
  if (decoded.kind === "corrupt") return corrupt(decoded.reason);
  const other = foreign(decoded.value);
  if (other !== undefined) return { kind: "corrupt", reason: other, foreign: true };
  const problem = mismatch(schema, decoded.value);
  return problem === undefined ? { kind: "message", message: decoded.value as Static<S> } : corrupt(problem);
}

/** Whose message is of another version of the protocol; undefined: it is of this one, or of none. */
function otherVersion(value: unknown): string | undefined {
  const { version, worker, coordinator } = Object(value) as Readonly<Record<"version" | "worker" | "coordinator", unknown>>;
  if (typeof version !== "number" || version === protocolVersion) return undefined;
  const who = typeof worker === "string"
    ? `worker ${worker}`
    : typeof coordinator === "string"
    ? `coordinator ${coordinator}`
    : "the other side";
  return `${who} speaks version ${version} of the cluster's protocol, and this side version ${protocolVersion}: ` +
    "all members and commands of a cluster need the same version of Sluice";
}
