import type { DataFile, Extent, Manifest } from "../../runtime/checkpoint/manifest.ts";

/** A manifest with one part and one channel in the given files; `overrides` replaces fields. */
export function manifestOf(id: number, files: readonly DataFile[] = [], overrides: Partial<Manifest> = {}): Manifest {
  const at: Extent[] = files.map((file, index) => ({ file: index, offset: 0, bytes: file.bytes, checksum: file.checksum }));
  return {
    version: 1,
    life: "a",
    job: "orders",
    graphHash: "0123abcd",
    id,
    attempt: 1,
    mode: { alignedTimeoutMs: 500 },
    final: false,
    triggeredAt: 1_700_000_000_000,
    completedAt: 1_700_000_000_012.5,
    keyGroups: 128,
    tasks: [{ id: "source", parallelism: 2, operators: ["source", "map"] }],
    files,
    parts: [{ uid: "source", subtask: 0, scope: "keyed", name: "tótal", at }],
    channels: [{
      edge: "source->sink",
      sender: 0,
      receiver: 1,
      recovered: 0,
      sent: 7,
      processed: { seq: 6, elements: 2 },
      watermark: Number.MIN_SAFE_INTEGER,
      idle: false,
      ended: false,
      captured: at,
      records: 3,
    }],
    ...overrides,
  };
}
