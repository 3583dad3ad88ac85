import { resolve } from "node:path";
import { inNats } from "../cluster/snapshot_places.ts";
import type { Console } from "./console.ts";

/** A place of a snapshot as a cluster is told it: names, and what is in NATS, as they are; paths, which have slashes, whole. */
export function snapshotPlace(console: Console, text: string): string {
  return text.startsWith(inNats) || !/[/\\]/.test(text) ? text : resolve(console.folder, text);
}
