import { decodeValue, encodeValue } from "../../actors/codec.ts";

/** The initial value of a state: gives a copy of its own to everyone who asks. */
export class InitialValue {
  private readonly primitive: unknown;
  private readonly bytes: Uint8Array | undefined;

  /**
   * @param where names the state in messages
   * @throws {SluiceError} `UNENCODABLE_VALUE` when the value cannot be kept
   */
  constructor(initial: unknown, where: string) {
    const isObject = typeof initial === "object" && initial !== null;
    const bytes = encodeValue(initial, `${where}, its initial value`);
    this.primitive = isObject ? undefined : initial;
    this.bytes = isObject ? bytes : undefined;
  }

  copy(): unknown {
    if (this.bytes === undefined) return this.primitive;
    const decoded = decodeValue(this.bytes);
    if (decoded.kind === "corrupt") throw new Error(`an initial value did not come back: ${decoded.reason}`);
    return decoded.value;
  }
}
