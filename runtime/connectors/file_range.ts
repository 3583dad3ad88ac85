import { DiskError } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { SourceContext, Split } from "../graph/source.ts";
import { fileSize, unreadable } from "./read_ahead.ts";

/** The bytes `[start, end)` of a file: a split of it owns the lines that start there. */
export interface FileRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

const lineFile = /^[^._].*\.(jsonl|ndjson)$/;

/** The split of a range. Its id says all, so that it means the same whatever the options and the file become. */
export function splitOf({ path, start, end }: FileRange): Split {
  return { id: `${path}:${start}-${end}` };
}

/** The range of a split. */
export function rangeOf({ id }: Split, uid: string): FileRange {
  const match = /^(.+):(\d{1,15})-(\d{1,15})$/s.exec(id);
  if (match === null) {
    throw new SluiceError(
      "SOURCE_POSITION_INVALID",
      `source ${uid}: "${id}" is no range of a file: was the snapshot another source's?`,
    );
  }
  return { path: match[1] as string, start: Number(match[2]), end: Number(match[3]) };
}

/** Cuts files, as long as they are now, into ranges of `splitBytes`. */
export async function cutFiles(paths: readonly string[], splitBytes: number, context: SourceContext): Promise<FileRange[]> {
  const ranges: FileRange[] = [];
  for (const path of paths) {
    const bytes = await fileSize(context, path);
    for (let start = 0; start < bytes; start += splitBytes) {
      ranges.push({ path, start, end: Math.min(start + splitBytes, bytes) });
    }
  }
  return ranges;
}

/**
 * The files that the paths stand for: a folder stands for its `.jsonl` and `.ndjson` files, by name, without those whose
 * names begin with a dot or an underscore.
 */
export async function filesAt(paths: readonly string[], context: SourceContext): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const names = await namesIn(path, context);
    if (names === undefined) {
      files.push(path);
      continue;
    }
    const folder = path.replace(/\/+$/, "");
    const found = names.filter((name) => lineFile.test(name)).map((name) => `${folder}/${name}`);
    if (found.length === 0) {
      throw new SluiceError(
        "SOURCE_MISSING",
        `source ${context.uid}: the folder "${path}" has no .jsonl or .ndjson files: give a folder that has, or a file`,
      );
    }
    files.push(...found);
  }
  return files;
}

/** The names in a folder; undefined for what is none. */
async function namesIn(path: string, context: SourceContext): Promise<readonly string[] | undefined> {
  try {
    return await context.disk.list(path);
  } catch (error) {
    if (error instanceof DiskError) return undefined;
    throw unreadable(context.uid, path, error);
  }
}
