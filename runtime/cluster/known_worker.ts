import { Silence } from "./silence.ts";

/** What a coordinator knows of a worker. */
export interface KnownWorker {
  readonly silence: Silence;
  /** It is heard, but does not hear: as if it were silent. */
  readonly deafness: Silence;
  /** The last order that it has obeyed. */
  order: number;
  leaving: boolean;
  /** What its event loop is blocked by. */
  blocked: string | null;
  slots: number;
  seq: number;
  /** It has seen this coordinator's term: what it reports is what is so now. */
  obeys: boolean;
}

/** One that has just come. */
export function newcomer(slots: number, now: number): KnownWorker {
  return {
    silence: new Silence(now),
    deafness: new Silence(now),
    order: 0,
    leaving: false,
    blocked: null,
    slots,
    seq: 0,
    obeys: false,
  };
}
