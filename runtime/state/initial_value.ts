import { decodeValue, encodeValue } from "../../actors/codec.ts";

/** The initial value of a state: gives a copy of its own to everyone who asks. */
export class InitialValue {
  private readonly copyOf: () => unknown;

  /**
   * @param where names the state in messages
   * @throws {SluiceError} `UNENCODABLE_VALUE` when the value cannot be kept
   */
  constructor(initial: unknown, where: string) {
    const bytes = encodeValue(initial, `${where}, its initial value`);
    this.copyOf = copier(() => {
      const decoded = decodeValue(bytes);
      if (decoded.kind === "corrupt") throw new Error(`an initial value did not come back: ${decoded.reason}`);
      return decoded.value;
    });
  }

  copy(): unknown {
    return this.copyOf();
  }
}

/** What gives a new value each time: without decoding where no part of the value could be shared by two copies. */
function copier(decode: () => unknown): () => unknown {
  const value = decode();
  if (isPrimitive(value)) return () => value;
  if (Array.isArray(value) && value.every(isPrimitive)) return () => value.slice();
  if (Object.getPrototypeOf(value) === Object.prototype && Object.values(value as object).every(isPrimitive)) {
    return () => ({ ...(value as object) });
  }
  return decode;
}

function isPrimitive(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}
