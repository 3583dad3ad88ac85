import { MAX_WATERMARK, NO_WATERMARK } from "../graph/frame.ts";
import type { Feedback } from "./feedback.ts";
import type { InputChannel } from "./input_channel.ts";
import { ReadyQueue } from "./ready_queue.ts";

/** At the head of a loop, while a barrier is expected: so many frames of feedback are read for one of the regular inputs. */
const feedbackTurns = 8;

/**
 * The input gate: which channel is read next, and how far event time has come over all of them.
 *
 * - Channels are read in turn, a frame each.
 * - New frames of an edge wait until its recovered channels are read; those of the oldest restore come first (protocol 5.2).
 * - A channel whose next frame lies behind its hold waits; no other channel waits for it.
 * - Feedback is read first: as long as some can be worked off, regular inputs pause. But from the trigger of a checkpoint until
 *   it begins here they have a turn now and then, or a hot loop would keep its barrier out: unless more than half of the
 *   feedback that may wait does. Feedback that a barrier holds pauses nothing: the snapshot may need what regular inputs bring.
 * - Feedback does not count for the watermark, nor for the end of input until the loop is closed.
 */
export class InputGate {
  readonly inputs: readonly InputChannel[];
  readonly #byEdge: InputChannel[][] = [];
  readonly feedback: Feedback | undefined;
  readonly #regular = new ReadyQueue();
  readonly #fedBack = new ReadyQueue();
  #turns = 0;
  /** How many channels are held at a barrier. */
  #held = 0;
  readonly #canReadNow = (input: InputChannel): boolean => this.#canRead(input);
  /** By edge: the generation of recovered channels that is being read, 0 when there is none left. */
  readonly #generation: number[] = [];

  constructor(inputs: readonly InputChannel[]) {
    this.inputs = inputs;
    this.feedback = inputs.find((input) => input.feedback !== undefined)?.feedback;
    for (const input of inputs) (this.#byEdge[input.edge] ??= []).push(input);
    for (let edge = 0; edge < this.#byEdge.length; edge++) this.#generation[edge] = this.#oldestGeneration(edge);
    for (const input of inputs) this.offer(input);
  }

  /** Whether some channel can be read. */
  get readable(): boolean {
    return !this.#regular.empty || !this.#fedBack.empty;
  }

  /** Whether nothing waits, no channel is held, and every recovered one has been read. */
  get clear(): boolean {
    return !this.readable && this.#held === 0 && !this.recovering;
  }

  /** Puts a channel in the queue if it can be read and is not in it. */
  offer(input: InputChannel): void {
    if (input.queued || !this.#canRead(input)) return;
    (input.feedback === undefined ? this.#regular : this.#fedBack).add(input);
  }

  /** Takes the channel to be read next out of the queue. */
  next(): InputChannel | undefined {
    if (this.#fedBack.empty) return this.#regular.take(this.#canReadNow);
    if (this.#turns >= feedbackTurns && this.feedback?.yields === true) {
      this.#turns = 0;
      const regular = this.#regular.take(this.#canReadNow);
      if (regular !== undefined) return regular;
    }
    this.#turns++;
    return this.#fedBack.take(this.#canReadNow) ?? this.#regular.take(this.#canReadNow);
  }

  /** A channel's hold has changed. */
  setHold(input: InputChannel, afterSeq: number): void {
    this.#held += Number(afterSeq !== Infinity) - Number(input.hold !== Infinity);
    input.hold = afterSeq;
    this.offer(input);
  }

  /** A recovered channel has been read to its end: the next generation of its edge may follow, or new frames. */
  recoveredDrained(input: InputChannel): void {
    this.#generation[input.edge] = this.#oldestGeneration(input.edge);
    for (const other of this.#byEdge[input.edge] ?? []) this.offer(other);
  }

  /** Whether any recovered channel has something left. */
  get recovering(): boolean {
    return this.#generation.some((generation) => generation !== 0);
  }

  /** Whether every channel has ended and is read to its end. Feedback ends when its loop is closed. */
  get ended(): boolean {
    return this.regularEnded && this.feedback?.closed !== false;
  }

  /** The same, feedback aside. */
  get regularEnded(): boolean {
    for (const input of this.inputs) {
      if (input.feedback !== undefined) continue;
      if (input.identity.recovered !== 0 ? !input.drained : !input.ended) return false;
    }
    return true;
  }

  /**
   * The minimum over the regular channels that count; undefined when all of those that go on are idle. The head of a loop
   * withholds the last watermark until the loop is flushed: what goes round must not find its windows gone.
   */
  watermark(): number | undefined {
    const last = this.feedback?.flushed === false ? NO_WATERMARK : MAX_WATERMARK;
    let minimum = MAX_WATERMARK;
    let counts = false;
    let idles = false;
    for (const input of this.inputs) {
      if (input.feedback !== undefined || input.ended || input.drained || !input.eventTime) continue;
      if (input.idle) {
        idles = true;
        continue;
      }
      counts = true;
      if (input.watermark < minimum) minimum = input.watermark;
    }
    if (counts) return minimum === MAX_WATERMARK ? last : minimum;
    return idles || this.inputs.length === 0 ? undefined : this.regularEnded ? last : NO_WATERMARK;
  }

  #canRead(input: InputChannel): boolean {
    const first = input.first;
    if (first === undefined || first.seq > input.hold) return false;
    return this.#generation[input.edge] === input.identity.recovered;
  }

  #oldestGeneration(edge: number): number {
    let oldest = 0;
    for (const input of this.#byEdge[edge] ?? []) {
      const generation = input.identity.recovered;
      if (generation !== 0 && !input.drained && (oldest === 0 || generation < oldest)) oldest = generation;
    }
    return oldest;
  }
}
