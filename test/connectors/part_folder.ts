import { type Disk, DiskError } from "../../actors/disk.ts";

/** The records in the visible parts among some files, by checkpoint and subtask. */
export function recordsOf(files: ReadonlyMap<string, Uint8Array>, prefix = "part"): unknown[] {
  const parts = [...files].flatMap(([path, bytes]) => {
    const [, start, checkpoint, subtask] = /([^./][^/]*)-(\d+)-(\d+)\.jsonl$/.exec(path) ?? [];
    return start === prefix ? [{ bytes, checkpoint: Number(checkpoint), subtask: Number(subtask) }] : [];
  });
  parts.sort((a, b) => a.checkpoint - b.checkpoint || a.subtask - b.subtask);
  return parts.flatMap(({ bytes }) => {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.trimEnd().split("\n").map((line) => JSON.parse(line));
  });
}

/** The records in the visible parts of a folder, by checkpoint and subtask. */
export async function visibleRecords(disk: Disk, folder: string, prefix = "part"): Promise<unknown[]> {
  const files = new Map<string, Uint8Array>();
  for (const name of await namesIn(disk, folder)) {
    if (!name.startsWith(".")) files.set(`${folder}/${name}`, await disk.read(`${folder}/${name}`));
  }
  return recordsOf(files, prefix);
}

/** The names in a folder; none when there is no folder. */
export async function namesIn(disk: Disk, folder: string): Promise<readonly string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (error instanceof DiskError && error.code === "missing") return [];
    throw error;
  }
}
