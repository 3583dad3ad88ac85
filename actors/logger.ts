/** How grave an entry is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One thing to say, with the facts apart from the sentence. */
export interface LogEntry {
  readonly level: LogLevel;
  /** Which part speaks: a path such as `system/orders`, or an operator's uid and subtask. */
  readonly from: string;
  readonly message: string;
  readonly cause?: unknown;
}

/** Where log entries go. Must not throw. */
export type Logger = (entry: LogEntry) => void;

/** Drops everything. */
export const silent: Logger = () => {};
