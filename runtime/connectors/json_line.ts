import { messageOf, SluiceError } from "../../actors/error.ts";

/**
 * A value as one line of JSON, with its end. What JSON does not know it writes as `JSON.stringify` does (NaN as null, dates as
 * text).
 *
 * @throws {SluiceError} `RECORD_UNSERIALISABLE` for a value that has no JSON at all: a function, a bigint, a cycle
 */
export function jsonLine(value: unknown, uid: string): string {
  return json(value, uid) + "\n";
}

/** The same as UTF-8, without the end of the line. @throws as `jsonLine` */
export function jsonBytes(value: unknown, uid: string): Uint8Array {
  return encoder.encode(json(value, uid));
}

const encoder = new TextEncoder();

function json(value: unknown, uid: string): string {
  let cause: unknown;
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
    cause = new TypeError(`a value of type ${typeof value} has no JSON`);
  } catch (error) {
    cause = error;
  }
  const [said] = (messageOf(cause)).split("\n"); // engines draw the circle below
  throw new SluiceError(
    "RECORD_UNSERIALISABLE",
    `sink ${uid}: a record cannot be written as JSON: ${said}; turn it into plain values before the sink`,
    { cause },
  );
}
