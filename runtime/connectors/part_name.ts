import type { CheckpointId } from "../graph/frame.ts";

/** Whose part files a writer makes. */
export interface PartOwner {
  readonly prefix: string;
  readonly job: string;
  readonly uid: string;
}

/** What a hidden name says of a part that is not visible yet. */
export interface HiddenPart {
  readonly attempt: number;
  readonly subtask: number;
  /** `open`: still written to, the number is a running one; `prepared`: complete, the number is its checkpoint's. */
  readonly state: "open" | "prepared";
  readonly number: number;
}

/** Names that may stand before the number of a checkpoint. */
export const prefixPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The name under which a part is seen. */
export function visibleName(prefix: string, checkpointId: CheckpointId, subtask: number): string {
  return `${prefix}-${checkpointId}-${subtask}.jsonl`;
}

/** The checkpoint of a visible part; undefined for any other name. */
export function checkpointOf(prefix: string, name: string): CheckpointId | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const match = /^(\d{1,15})-\d{1,9}\.jsonl$/.exec(name.slice(prefix.length + 1));
  return match === null ? undefined : Number(match[1]);
}

/** The name of a part that is not visible yet. It begins with a dot, and no two parts of all attempts have the same. */
export function hiddenName(owner: PartOwner, { attempt, subtask, state, number }: HiddenPart): string {
  return `${hiddenStart(owner)}a${attempt}-s${subtask}-${state === "open" ? "n" : "c"}${number}.${state}`;
}

/** What a hidden name says, if the part is of this owner. */
export function readHiddenName(owner: PartOwner, name: string): HiddenPart | undefined {
  const start = hiddenStart(owner);
  if (!name.startsWith(start)) return undefined;
  const match = /^a(\d{1,15})-s(\d{1,9})-([nc])(\d{1,15})\.(open|prepared)$/.exec(name.slice(start.length));
  if (match === null || (match[3] === "n") !== (match[5] === "open")) return undefined;
  const state = match[3] === "n" ? "open" : "prepared";
  return { attempt: Number(match[1]), subtask: Number(match[2]), state, number: Number(match[4]) };
}

function hiddenStart({ prefix, job, uid }: PartOwner): string {
  return `.${prefix}~${plain(job)}~${plain(uid)}~`;
}

/** Letters, digits, `_`, `-` as they are, anything else as its code unit in hexadecimal: different texts stay different. */
function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
