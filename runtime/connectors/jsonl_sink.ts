import { DiskError } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Committable, Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
import { makeDurableFolder } from "./durable_folder.ts";
import { jsonLine } from "./json_line.ts";
import { checkText } from "./option.ts";
import { commitPart, refuseForeignParts, removeLeftOvers, visibleParts } from "./part_commit.ts";
import { PartFile } from "./part_file.ts";
import { hiddenName, type PartOwner, prefixPattern } from "./part_name.ts";

const maxBufferChars = 64 * 1024;

/** What a JSONL sink can be told. */
export interface JsonlSinkOptions {
  /**
   * What the names of the parts begin with: letters, digits, `_`, `.`, `-`.
   * @default "part"
   */
  readonly prefix?: string;
}

/**
 * A transactional sink that writes one JSON value a line into the files of a folder.
 *
 * - What a subtask writes between two checkpoints becomes one part, `part-<checkpoint>-<subtask>.jsonl`. A part is seen when
 *   its checkpoint is complete, whole and for good; until then its name is hidden (it begins with a dot).
 * - A part is durable before its checkpoint is acknowledged, and visible before the commit is reported. A failed sync is
 *   final: the attempt fails, the next one writes the records anew.
 * - The folder and prefix belong to one sink of one job; output found in the way of a commit is never overwritten. Whoever
 *   takes parts away should copy the newest ones: a commit that is repeated after a crash looks for them.
 * - A restore from an older checkpoint removes the parts of later ones.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`; when run, `SINK_FAILED` (full, denied, broken; names the file),
 * `SINK_CONFLICT`, `SINK_OUTPUT_LOST`, `RECORD_UNSERIALISABLE`
 */
export function jsonlSink<T>(directory: string, options: JsonlSinkOptions = {}): Sink<T> {
  checkText("jsonlSink", "the directory", directory);
  const { prefix = "part" } = options;
  if (!prefixPattern.test(prefix)) {
    throw new SluiceError(
      "OPTION_OUT_OF_RANGE",
      `jsonlSink: the prefix ${
        JSON.stringify(prefix)
      } must be 1 to 64 letters, digits, "_", "." and "-", a letter or digit first`,
    );
  }
  const folder = directory.replace(/(?<=.)\/+$/, "");
  return {
    kind: "jsonl",
    delivery: "transactional",
    async open(context) {
      const owner = { prefix, job: context.job, uid: context.uid };
      try {
        await makeDurableFolder(context.disk, folder);
        if (context.subtask === 0) {
          await refuseForeignParts(folder, owner, context);
          await removeLeftOvers(folder, owner, context);
        }
      } catch (error) {
        throw failed(context.uid, error);
      }
      return new JsonlWriter(folder, owner, context);
    },
    async lastCommitted({ disk, uid }) {
      try {
        return (await visibleParts(disk, folder, prefix)).reduce((last, part) => Math.max(last, part.id), 0);
      } catch (error) {
        throw failed(uid, error);
      }
    },
    async rollbackTo(id, { disk, uid }) {
      try {
        const above = (await visibleParts(disk, folder, prefix)).filter((part) => part.id > id);
        // The newest first: what a rollback that is cut short leaves still says that there is one to finish.
        above.sort((a, b) => b.id - a.id);
        for (const { name } of above) await disk.remove(`${folder}/${name}`);
        if (above.length > 0) await disk.syncDirectory(folder);
      } catch (error) {
        throw failed(uid, error);
      }
    },
  };
}

class JsonlWriter<T> implements SinkWriter<T> {
  readonly #folder: string;
  readonly #owner: PartOwner;
  readonly #context: SinkContext;
  readonly #encoder = new TextEncoder();
  readonly #sealing = new Set<PartFile>();
  #text = "";
  #part: PartFile | undefined;
  #partsOpened = 0;
  #failure: SluiceError | undefined;

  constructor(folder: string, owner: PartOwner, context: SinkContext) {
    this.#folder = folder;
    this.#owner = owner;
    this.#context = context;
  }

  write(value: T): void | Promise<void> {
    this.#text += jsonLine(value, this.#context.uid);
    if (this.#text.length < maxBufferChars) return undefined;
    this.#check();
    const part = this.#spill();
    return part.full ? part.written().catch((error) => Promise.reject(this.#fail(error))) : undefined;
  }

  prepare(checkpointId: CheckpointId): undefined | Promise<string> {
    this.#check();
    if (this.#text === "" && this.#part === undefined) return undefined;
    const part = this.#spill();
    this.#part = undefined;
    return this.#seal(part, checkpointId);
  }

  async commit(committables: readonly Committable[]): Promise<void> {
    const { disk, uid } = this.#context;
    try {
      for (const committable of committables) await commitPart(disk, this.#folder, this.#owner, committable);
      // Also what was found renamed: that may have been just before a crash.
      await disk.syncDirectory(this.#folder);
    } catch (error) {
      throw failed(uid, error);
    }
  }

  /** What is prepared stays, for a commit by whoever comes next. */
  async close(): Promise<void> {
    const parts = [...this.#sealing];
    if (this.#part !== undefined) parts.push(this.#part);
    this.#part = undefined;
    this.#text = "";
    await Promise.all(parts.map((part) => part.discard()));
  }

  #spill(): PartFile {
    const part = this.#part ??= this.#open();
    if (this.#text !== "") part.append(this.#encoder.encode(this.#text));
    this.#text = "";
    return part;
  }

  #open(): PartFile {
    const { attempt, subtask, disk } = this.#context;
    const name = hiddenName(this.#owner, { attempt, subtask, state: "open", number: ++this.#partsOpened });
    return new PartFile(disk, `${this.#folder}/${name}`);
  }

  async #seal(part: PartFile, checkpointId: CheckpointId): Promise<string> {
    const { attempt, subtask } = this.#context;
    const name = hiddenName(this.#owner, { attempt, subtask, state: "prepared", number: checkpointId });
    this.#sealing.add(part);
    try {
      await part.seal(name, this.#folder);
    } catch (error) {
      throw this.#fail(error);
    }
    this.#sealing.delete(part);
    return name;
  }

  /** Once a part is lost, so are its records, unless this attempt ends: no later checkpoint may succeed without them. */
  #check(): void {
    if (this.#failure === undefined && this.#part?.failure !== undefined) this.#fail(this.#part.failure.error);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: unknown): SluiceError {
    return this.#failure ??= failed(this.#context.uid, error);
  }
}

const remedies: Readonly<Record<string, string>> = {
  full: "make room, or give another folder",
  denied: "let the process write there, or give another folder",
};

function failed(uid: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const said = messageOf(error);
  const remedy = error instanceof DiskError ? remedies[error.code] : undefined;
  const where = error instanceof DiskError && !said.includes(error.path) ? ` (${error.path})` : "";
  return new SluiceError("SINK_FAILED", `sink ${uid}: ${said}${where}${remedy === undefined ? "" : `; ${remedy}`}`, {
    cause: error,
  });
}
