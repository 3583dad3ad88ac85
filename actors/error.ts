/**
 * An error that Sluice itself raises. The message says what is wrong, where, and what to do; `code` is stable and listed in
 * `docs/errors.md`; `cause` keeps what lies beneath.
 */
export class SluiceError extends Error {
  override readonly name: string = "SluiceError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What whatever was thrown says. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
