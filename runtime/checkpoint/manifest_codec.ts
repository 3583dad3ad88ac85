import { type TSchema, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { SluiceError } from "../../actors/error.ts";
import type { Extent, Manifest, ManifestChannel } from "./manifest.ts";
import { decodeSealedJson, encodeSealedJson } from "./sealed_json.ts";

/** What data files may be called: no path leads out of the checkpoint's folder. */
export const dataFileName: RegExp = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;

const closed = { additionalProperties: false } as const;
const whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const uint32 = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const list = (items: TSchema): TSchema => Type.Array(items);

const extent = Type.Object({ file: whole, offset: whole, bytes: whole, checksum: uint32 }, closed);

const channel = Type.Object(
  {
    edge: Type.String(),
    sender: whole,
    receiver: whole,
    recovered: whole,
    sent: whole,
    processed: Type.Object({ seq: whole, elements: whole }, closed),
    watermark: Type.Number(),
    idle: Type.Boolean(),
    ended: Type.Boolean(),
    captured: list(extent),
    records: whole,
  },
  closed,
);

const schema = Type.Object({
  version: Type.Literal(1),
  job: Type.String({ minLength: 1 }),
  life: Type.String({ minLength: 1 }),
  graphHash: Type.String(),
  id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  attempt: whole,
  mode: Type.Union([
    Type.Literal("aligned"),
    Type.Literal("unaligned"),
    Type.Literal("at-least-once"),
    Type.Object({ alignedTimeoutMs: Type.Number({ minimum: 0 }) }, closed),
  ]),
  final: Type.Boolean(),
  triggeredAt: Type.Number(),
  completedAt: Type.Number(),
  keyGroups: Type.Integer({ minimum: 1 }),
  tasks: list(
    Type.Object({ id: Type.String(), parallelism: Type.Integer({ minimum: 1 }), operators: list(Type.String()) }, closed),
  ),
  files: list(Type.Object(
    {
      name: Type.RegExp(dataFileName),
      of: Type.Optional(Type.Object({ id: whole, attempt: whole }, closed)),
      bytes: whole,
      checksum: uint32,
    },
    closed,
  )),
  parts: list(Type.Object(
    {
      uid: Type.String(),
      subtask: whole,
      scope: Type.Union(["keyed", "split", "replicate", "subtask"].map((scope) => Type.Literal(scope))),
      name: Type.String(),
      at: list(extent),
      below: Type.Optional(list(list(extent))),
    },
    closed,
  )),
  channels: list(channel),
  edges: Type.Optional(list(Type.Object(
    {
      id: Type.String(),
      chain: Type.String(),
      schema: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      side: Type.Optional(Type.String()),
      partitioner: Type.Optional(Type.String()),
    },
    closed,
  ))),
}, closed);

/**
 * A check that is compiled when it is first asked for, since a manifest has an entry for every channel of the job; where code may
 * not be made at run time, such as under a content security policy, the schema is walked.
 */
function checkOf(schema: TSchema): (content: unknown) => boolean {
  let check = (content: unknown): boolean => {
    try {
      const compiled = TypeCompiler.Compile(schema);
      check = (content) => compiled.Check(content);
    } catch {
      check = (content) => Value.Check(schema, content);
    }
    return check(content);
  };
  return (content) => check(content);
}

const fitsBesides = checkOf(Type.Object({ ...schema.properties, channels: Type.Unknown() }, closed));
const areChannels = checkOf(list(channel));

/** Lists of channels that are what they should be and hold nothing: one checkpoint after the other may name the same. */
const known = new WeakSet<readonly ManifestChannel[]>();

/** A manifest, or why the bytes are none. */
export type DecodedManifest =
  | { readonly kind: "manifest"; readonly manifest: Manifest }
  | { readonly kind: "damaged"; readonly reason: string };

/**
 * Encodes a manifest as sealed JSON.
 *
 * @throws {SluiceError} `MANIFEST_INVALID` when it could not be read again: a fault of whoever made it.
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  checkManifest(manifest);
  return encodeSealedJson(manifest);
}

/** @throws {SluiceError} `MANIFEST_INVALID` as {@link encodeManifest} does */
export function checkManifest(manifest: Manifest): void {
  const problem = problemOf(manifest);
  if (problem !== undefined) {
    throw new SluiceError(
      "MANIFEST_INVALID",
      `Cannot complete checkpoint ${manifest.id}: its manifest would be unreadable: ${problem}; the checkpoint must be aborted`,
    );
  }
}

/** Decodes and checks a manifest. Never throws, whatever the bytes. */
export function decodeManifest(bytes: Uint8Array): DecodedManifest {
  const opened = decodeSealedJson(bytes);
  if (opened.kind === "damaged") return opened;
  const { content } = opened;
  if (typeof content === "object" && content !== null && "version" in content && content.version !== 1) {
    return { kind: "damaged", reason: `it has version ${String(content.version)}, this program reads version 1` };
  }
  const problem = problemOf(content);
  return problem === undefined ? { kind: "manifest", manifest: content as Manifest } : { kind: "damaged", reason: problem };
}

function problemOf(content: unknown): string | undefined {
  const given: unknown = Object(content)["channels"];
  const isKnown = Array.isArray(given) && known.has(given);
  if (!fitsBesides(content) || !(isKnown || areChannels(given))) {
    const error = Value.Errors(schema, content).First();
    return error === undefined ? "it is no manifest" : `${error.path}: ${error.message}`;
  }
  const { files, parts, channels } = content as Manifest;
  if (new Set(files.map(({ of, name }) => `${of?.id}-${of?.attempt}/${name}`)).size !== files.length) {
    return "/files: a name is used twice";
  }
  for (let index = 0; index < parts.length; index++) {
    const { at, below } = parts[index]!;
    if (!areWithin(at, files) || below?.every((layer) => areWithin(layer, files)) === false) {
      return `/parts/${index}: it lies outside its file`;
    }
  }
  if (isKnown) return undefined;
  let captured = 0;
  for (let index = 0; index < channels.length; index++) {
    captured += channels[index]!.captured.length;
    if (!areWithin(channels[index]!.captured, files)) return `/channels/${index}: it lies outside its file`;
  }
  if (captured === 0) known.add(channels);
  return undefined;
}

function areWithin(extents: readonly Extent[], files: Manifest["files"]): boolean {
  for (const extent of extents) if (!isWithin(extent, files)) return false;
  return true;
}

function isWithin({ file, offset, bytes }: Extent, files: Manifest["files"]): boolean {
  const found = files[file];
  return found !== undefined && offset + bytes <= found.bytes;
}
