import { messageOf, SluiceError } from "../../actors/error.ts";
import type { Console } from "./console.ts";

/** What the user can mend by giving something else. */
const usage = new Set([
  "USAGE",
  "BAD_NAME",
  "BAD_OPTIONS",
  "BAD_PARALLELISM",
  "BAD_SAVEPOINT_PATH",
  "CHECKPOINT_UNKNOWN",
  "EDGE_UNKNOWN",
  "JOB_UNKNOWN",
  "MODULE_MISSING",
  "MODULE_NOT_LOADED",
  "NATS_CONTEXT",
  "NOT_A_JOB",
  "OPERATOR_UNKNOWN",
  "SAVEPOINT_UNKNOWN",
]);

/** Says why a command did nothing; gives its exit code: 2 where something else is to be given, else 1. */
export function refusal(console: Console, command: string, json: boolean, error: unknown): number {
  const code = error instanceof SluiceError ? error.code : "UNKNOWN";
  console.say(json ? JSON.stringify({ kind: "refused", code, message: messageOf(error) }) : `${command}: ${messageOf(error)}`);
  return usage.has(code) ? 2 : 1;
}
