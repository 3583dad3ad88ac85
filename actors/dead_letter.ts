/** Why a message did not reach its handler, or was lost in it. */
export type DeadLetterReason =
  /** Its actor has stopped. */
  | "stopped"
  /** The mailbox was full and its overflow policy drops. */
  | "full"
  /** The handler failed on it. */
  | "failed"
  /** It came from another process and does not fit the schema. */
  | "invalid"
  /** It could not be sent: it cannot be encoded, or the transport did not take it. */
  | "unreachable";

/** A message that nobody has handled. Dead letters are for diagnosis; they are kept nowhere. */
export interface DeadLetter {
  readonly message: unknown;
  /** The actor it was for, as its ref prints. */
  readonly to: string;
  readonly reason: DeadLetterReason;
  /** What went wrong, where there is more to say. */
  readonly cause?: unknown;
}
