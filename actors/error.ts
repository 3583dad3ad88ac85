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

/** A chain of causes is followed so far: one may lead back to itself. */
const maxCauses = 100;

/** What `find` makes of an error, or of the nearest cause beneath it of which it makes anything. */
export function findInCauses<T>(error: unknown, find: (at: Error) => T | undefined): T | undefined {
  let left = maxCauses;
  for (let at = error; at instanceof Error && left > 0; at = at.cause, left--) {
    const found = find(at);
    if (found !== undefined) return found;
  }
  return undefined;
}
