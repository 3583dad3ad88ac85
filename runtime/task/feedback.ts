import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId, Frame } from "../graph/frame.ts";
import type { OrderedStore } from "../graph/ordered_store.ts";
import { Spill } from "./spill.ts";

/** Spilled frames are written and read back so many bytes at a time, or a quarter of what may be in memory. */
const maxChunkBytes = 256 * 1024;

/** How much feedback may wait at one subtask. */
export interface FeedbackLimits {
  /** In memory, in bytes. @default 16 MiB */
  readonly memoryBytes?: number | undefined;
  /** Beyond that on scratch space, in bytes, where there is any. @default 1 GiB */
  readonly spillBytes?: number | undefined;
  /** An empty store on scratch space, which is closed with the feedback; undefined where the job has none. */
  readonly scratch?: OrderedStore | undefined;
}

/**
 * What comes back to one subtask of a loop's head: how much of it waits, and how much came back for what went in.
 *
 * Feedback lies outside credit: a sender within the loop that waited for the head, while the head waits for it, would wait
 * for ever. What bounds it is that nothing new comes in while feedback can be worked off. What is more than may wait in memory is
 * spilled to scratch space, where the job has any; above the limit of that the job fails.
 */
export class Feedback {
  readonly #loop: string;
  readonly #subtask: number;
  readonly #memoryBytes: number;
  readonly #spillBytes: number;
  readonly #scratch: OrderedStore | undefined;
  readonly #pauseBytes: number;
  #waitingBytes = 0;
  /** Of what waits: what was given to spills. */
  #spilledBytes = 0;
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
  constructor(loop: string, { subtask, heads }: { readonly subtask: number; readonly heads: number }, limits: FeedbackLimits) {
    const { memoryBytes = 16 * 1024 * 1024, spillBytes = 1024 * 1024 * 1024, scratch } = limits;
    this.#loop = loop;
    this.#subtask = subtask;
    this.#memoryBytes = memoryBytes;
    this.#spillBytes = scratch === undefined ? 0 : spillBytes;
    this.#scratch = scratch;
    // While one head waits for a barrier, what the others had waiting may all come to it.
    this.#pauseBytes = (memoryBytes + this.#spillBytes) / 2 / heads;
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
    return this.#waitingBytes > this.#memoryBytes + this.#spillBytes;
  }

  /** Whether as much waits in memory as may: what comes then is spilled. */
  get full(): boolean {
    return this.#waitingBytes - this.#spilledBytes > this.#memoryBytes;
  }

  /** What a channel spills to; undefined where nothing can be. `channel`: its number among the subtask's. */
  spill(channel: number): Spill | undefined {
    if (this.#scratch === undefined || this.#spillBytes === 0) return undefined;
    return new Spill(this.#scratch, channel, Math.min(maxChunkBytes, this.#memoryBytes / 4));
  }

  /** So much was given to a spill; less than 0: taken out of it. */
  spilled(bytes: number): void {
    this.#spilledBytes += bytes;
  }

  /** The subtask ends, and with it what was spilled. */
  close(): void {
    this.#scratch?.close();
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
    const limit = this.#spillBytes === 0
      ? `${this.#memoryBytes}`
      : `${this.#memoryBytes} in memory and ${this.#spillBytes} spilled`;
    const spillable = this.#scratch === undefined
      ? ', or keep state on the disk (state: { backend: "disk" }) to spill there'
      : "";
    const raise = this.#spillBytes === 0 ? `feedbackBytes${spillable}` : "feedbackSpillBytes";
    return new SluiceError(
      "FEEDBACK_OVERFLOW",
      `loop ${this.#loop} (subtask ${this.#subtask}) has ${this.#waitingBytes} bytes of feedback waiting, more than its ` +
        `limit of ${limit}${gain}. A loop must feed back less than one record for each that goes in, in the long ` +
        `run; for bursts, raise its ${raise}`,
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
