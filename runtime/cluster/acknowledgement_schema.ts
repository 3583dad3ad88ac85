/** What an acknowledgement from another process must look like. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import type { DataFile } from "../checkpoint/manifest.ts";
import { dataFileName } from "../checkpoint/manifest_codec.ts";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Checksum = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const orNothing = <S extends TSchema>(schema: S) => Type.Union([Type.Undefined(), schema]);

export const DataFileSchema = Type.Object({
  name: Type.RegExp(dataFileName),
  bytes: Count,
  checksum: Checksum,
});

const Extents = Type.Array(Type.Object({ file: Type.Literal(0), offset: Count, bytes: Count, checksum: Checksum }));
const Range = orNothing(Type.Object({ from: Count, skip: Count, to: Count }));
const channel = { edge: Type.String(), sender: Count, receiver: Count };
const captured = { captured: Range, records: Count, watermarks: Count, bytes: Extents };

export const AcknowledgementSchema = Type.Object({
  checkpoint: Count,
  attempt: Count,
  task: Count,
  subtask: Count,
  finished: Type.Boolean(),
  quiet: Type.Boolean(),
  flushed: Type.Boolean(),
  parts: Type.Array(Type.Object({
    uid: Type.String(),
    subtask: Count,
    scope: Type.Union([Type.Literal("keyed"), Type.Literal("split"), Type.Literal("replicate"), Type.Literal("subtask")]),
    name: Type.String(),
    at: Extents,
    base: orNothing(Count),
  })),
  inputs: Type.Array(Type.Object({
    ...channel,
    ...captured,
    recovered: Count,
    sent: orNothing(Count),
    processed: Type.Object({ seq: Count, elements: Count }),
    watermark: Type.Number(),
    idle: Type.Boolean(),
    ended: Type.Boolean(),
  })),
  outputs: Type.Array(Type.Object({ ...channel, ...captured, wire: Count, sent: Count })),
  figures: Type.Object({
    startDelayMs: Type.Number(),
    alignmentMs: Type.Number(),
    delayedRecords: Count,
    syncMs: Type.Number(),
    asyncMs: Type.Number(),
    endToEndMs: Type.Number(),
    stateBytes: Count,
    writtenBytes: Count,
    inFlightBytes: Count,
    inFlightRecords: Count,
  }),
});

/** The schema says what the interfaces say: the compiler holds it. */
export const fits: (
  read: Static<typeof AcknowledgementSchema>,
  file: Static<typeof DataFileSchema>,
) => [Acknowledgement, DataFile] = (
  acknowledgement,
  file,
) => [acknowledgement, file];
