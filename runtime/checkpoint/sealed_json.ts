import { messageOf } from "../../actors/error.ts";
import { crc32 } from "../../actors/checksum.ts";

/**
 * JSON with a checksum over its content, itself valid JSON: `{"crc32":"e3069283","content":…}` and a line feed. The checksum
 * is that of the bytes after `"content":`, up to the last brace.
 */
export function encodeSealedJson(content: unknown): Uint8Array {
  const text = encoder.encode(JSON.stringify(content));
  const sealed = new Uint8Array(headBytes + text.length + tail.length);
  encoder.encodeInto(head(crc32(text)), sealed);
  sealed.set(text, headBytes);
  encoder.encodeInto(tail, sealed.subarray(headBytes + text.length));
  return sealed;
}

/** The content, or what is wrong with the bytes. */
export type OpenedJson =
  | { readonly kind: "content"; readonly content: unknown }
  | { readonly kind: "damaged"; readonly reason: string };

/** Decodes sealed JSON. Never throws, whatever the bytes. */
export function decodeSealedJson(bytes: Uint8Array): OpenedJson {
  if (bytes.length === 0) return { kind: "damaged", reason: "it is empty" };
  const text = bytes.subarray(headBytes, bytes.length - tail.length);
  const start = latin1(bytes.subarray(0, headBytes));
  const end = latin1(bytes.subarray(Math.max(headBytes, bytes.length - tail.length)));
  if (start.startsWith(earlierHead)) return { kind: "damaged", reason: "a version of Sluice before 0.1.0 wrote it" };
  if (!headPattern.test(start) || end !== tail) return { kind: "damaged", reason: "it is cut off, or another kind of file" };
  if (start !== head(crc32(text))) return { kind: "damaged", reason: "its checksum is wrong" };
  try {
    return { kind: "content", content: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text)) as unknown };
  } catch (error) {
    return { kind: "damaged", reason: `it is no JSON: ${messageOf(error)}` };
  }
}

const encoder = new TextEncoder();
const tail = "}\n";
const headPattern = /^\{"crc32":"[0-9a-f]{8}","content":$/;
/** What stood there when checksums were CRC-32C. */
const earlierHead = '{"crc32c":';
const headBytes = head(0).length;

function head(checksum: number): string {
  return `{"crc32":"${checksum.toString(16).padStart(8, "0")}","content":`;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
