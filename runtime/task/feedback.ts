import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId, Frame } from "../graph/frame.ts";

/** How many bytes of feedback may wait at one subtask, unless the loop says otherwise. */
export const defaultFeedbackBytes: number = 16 * 1024 * 1024;

/**
 * What comes back to one subtask of a loop's head: how much of it waits, and how much came back for what went in.
 *
 * Feedback lies outside credit: a sender within the loop that waited for the head, while the head waits for it, would wait
 * for ever. What bounds it is that nothing new comes in while feedback can be worked off; above its limit the job fails.
 */
export class Feedback {
  readonly #loop: string;
  readonly #subtask: number;
  readonly #limitBytes: number;
  readonly #pauseBytes: number;
  #waitingBytes = 0;
  #back = 0;
  /** Records that the head has passed on, fed back ones included. */
  passed = 0;
  /** Checkpoints that were triggered and have not begun here. */
  readonly #expected = new Set<CheckpointId>();
  /** Heads have emitted the last watermark: the loop is being emptied. */
  flushed = false;
  /** Nothing comes back any more. */
  closed = false;

  /** `heads`: the parallelism of the loop's head. */
  constructor(loop: string, { subtask, heads }: { readonly subtask: number; readonly heads: number }, limitBytes: number) {
    this.#loop = loop;
    this.#subtask = subtask;
    this.#limitBytes = limitBytes;
    // While one head waits for a barrier, what the others had waiting may all come to it.
    this.#pauseBytes = limitBytes / 2 / heads;
  }

  /**
   * Whether regular inputs have a turn although feedback can be worked off: a barrier is on its way in them, or before them for
   * lack of credit. Not above half of the limit, all heads together: then the barrier waits, as behind any backpressure.
   */
  get yields(): boolean {
    return this.#expected.size > 0 && this.#waitingBytes <= this.#pauseBytes;
  }

  /** Whether more waits than may. */
  get overflows(): boolean {
    return this.#waitingBytes > this.#limitBytes;
  }

  arrived(frame: Frame): void {
    this.#waitingBytes += frame.cost;
    this.#back += frame.values.length;
  }

  consumed(frame: Frame): void {
    this.#waitingBytes -= frame.cost;
  }

  /** A checkpoint was triggered. */
  expect(id: CheckpointId): void {
    this.#expected.add(id);
  }

  /** A checkpoint is over; `below`: and so are all below it. */
  expectNoMore(id: CheckpointId, below: boolean): void {
    this.#expected.delete(id);
    if (below) { for (const expected of this.#expected) if (expected < id) this.#expected.delete(expected); }
  }

  overflow(): SluiceError {
    const gain = this.passed === 0 ? "" : `: of each record that went in, ${(this.#back / this.passed).toFixed(2)} came back`;
    return new SluiceError(
      "FEEDBACK_OVERFLOW",
      `loop ${this.#loop} (subtask ${this.#subtask}) has ${this.#waitingBytes} bytes of feedback waiting, more than its ` +
        `limit of ${this.#limitBytes}${gain}. A loop must feed back less than one record for each that goes in, in the long ` +
        `run; for bursts, raise its feedbackBytes`,
    );
  }

  /** A record came back to a head that has finished. */
  late(): SluiceError {
    return new SluiceError(
      "FEEDBACK_LATE",
      `loop ${this.#loop} (subtask ${this.#subtask}) got a record back after its end: an operator in the loop emits at the ` +
        `end of input (onEnd); emit on an event-time timer at MAX_WATERMARK instead, which fires while the loop still goes round`,
    );
  }
}
