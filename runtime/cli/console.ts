/** The process as a command sees it: everything outside comes in through here, so that commands can be tested in one process. */
export interface Console {
  readonly args: readonly string[];
  /** The folder that relative paths start from, absolute. */
  readonly folder: string;
  /** Variables of the environment, by name. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Results. */
  out(line: string): void;
  /** What is said to people. */
  say(line: string): void;
  /** Nothing is put out or said from then on that shows this. */
  keepSecret?(secret: string): void;
  /** Calls `handler` each time the user asks to end: Ctrl-C, or a polite kill. Returns what takes that back. */
  onInterrupt(handler: () => void): () => void;
  /** Imports a module of the user's own disk. */
  load(path: string): Promise<{ readonly default?: unknown }>;
}
