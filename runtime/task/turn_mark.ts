/** Where the event loop is, for whoever watches it from outside: told at each turn of a subtask, so both must be cheap. */
export interface TurnMark {
  /** A turn begins: what comes now is this subtask's. */
  enter(): void;
  /** It is over. */
  leave(): void;
}
