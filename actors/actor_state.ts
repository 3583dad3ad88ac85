/**
 * Where an actor is. `down`: no life, one may begin; `starting`: `start` is pending; `live`; `ending`: the pending handler, then
 * the children, then `stop` are waited for; `dead`: for good.
 */
export type Phase = "down" | "starting" | "live" | "ending" | "dead";

/** What can be seen of an actor from outside. */
export interface ActorState {
  readonly path: string;
  readonly phase: Phase;
  /** Whether a promise of its handler is pending. */
  readonly pending: boolean;
  /** Whether its data lane could go on. */
  readonly ready: boolean;
  /** How many control messages wait. */
  readonly control: number;
  /** How often it was started. */
  readonly lives: number;
}
