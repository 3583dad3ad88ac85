import type { Acknowledgement } from "./contribution.ts";
import type { ManifestChannel } from "./manifest.ts";

/** Channels that were proven, all of them empty. */
interface Proven {
  readonly acknowledgements: readonly Acknowledgement[];
  readonly channels: readonly ManifestChannel[];
}

/**
 * The last proof of an attempt, where nothing was in flight. A subtask in which nothing has happened since gives the same
 * reports again, and where all of them do, they prove the same: no channel has to be looked at.
 */
export class LastProof {
  #last: Proven | undefined;

  /** The channels that were proven from the same reports, in the same order. */
  of(acknowledgements: readonly Acknowledgement[]): readonly ManifestChannel[] | undefined {
    const last = this.#last;
    if (last?.acknowledgements.length !== acknowledgements.length) return undefined;
    for (let at = 0; at < acknowledgements.length; at++) {
      const [now, before] = [acknowledgements[at]!, last.acknowledgements[at]!];
      if (now.inputs !== before.inputs || now.outputs !== before.outputs) return undefined;
    }
    return last.channels;
  }

  /** These were proven. With something in flight they are not kept: no report says the same of it twice. */
  proven(acknowledgements: readonly Acknowledgement[], channels: readonly ManifestChannel[]): void {
    const isEmpty = channels.every(({ captured }) => captured.length === 0);
    this.#last = isEmpty ? { acknowledgements, channels } : undefined;
  }
}
