import { MAX_WATERMARK, NO_WATERMARK } from "../graph/frame.ts";
import type { InputChannel } from "./input_channel.ts";

/**
 * The input gate: which channel is read next, and how far event time has come over all of them.
 *
 * - Channels are read in turn, a frame each.
 * - New frames of an edge wait until its recovered channels are read; those of the oldest restore come first (protocol 5.2).
 * - A channel whose next frame lies behind its hold waits; no other channel waits for it.
 */
export class InputGate {
  readonly inputs: readonly InputChannel[];
  readonly #byEdge: InputChannel[][] = [];
  readonly #ready: InputChannel[] = [];
  #readyHead = 0;
  /** By edge: the generation of recovered channels that is being read, 0 when there is none left. */
  readonly #generation: number[] = [];

  constructor(inputs: readonly InputChannel[]) {
    this.inputs = inputs;
    for (const input of inputs) (this.#byEdge[input.edge] ??= []).push(input);
    for (let edge = 0; edge < this.#byEdge.length; edge++) this.#generation[edge] = this.#oldestGeneration(edge);
    for (const input of inputs) this.offer(input);
  }

  /** Whether some channel can be read. */
  get readable(): boolean {
    return this.#readyHead < this.#ready.length;
  }

  /** Puts a channel in the queue if it can be read and is not in it. */
  offer(input: InputChannel): void {
    if (input.queued || !this.#canRead(input)) return;
    input.queued = true;
    this.#ready.push(input);
  }

  /** Takes the channel to be read next out of the queue. */
  next(): InputChannel | undefined {
    while (this.#readyHead < this.#ready.length) {
      const input = this.#ready[this.#readyHead] as InputChannel;
      this.#ready[this.#readyHead++] = undefined as unknown as InputChannel;
      if (this.#readyHead === this.#ready.length) {
        this.#ready.length = 0;
        this.#readyHead = 0;
      } else if (this.#readyHead >= 256) {
        this.#ready.splice(0, this.#readyHead);
        this.#readyHead = 0;
      }
      input.queued = false;
      if (this.#canRead(input)) return input;
    }
    return undefined;
  }

  /** A channel's hold has changed. */
  setHold(input: InputChannel, afterSeq: number): void {
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

  /** Whether every channel has ended and is read to its end. */
  get ended(): boolean {
    for (const input of this.inputs) {
      if (input.identity.recovered !== 0 ? !input.drained : !input.ended) return false;
    }
    return true;
  }

  /** The minimum over the channels that count; undefined when all of those that go on are idle. */
  watermark(): number | undefined {
    let minimum = MAX_WATERMARK;
    let counts = false;
    let idles = false;
    for (const input of this.inputs) {
      if (input.ended || input.drained) continue;
      if (input.idle) {
        idles = true;
        continue;
      }
      counts = true;
      if (input.watermark < minimum) minimum = input.watermark;
    }
    if (counts) return minimum;
    return idles || this.inputs.length === 0 ? undefined : this.ended ? MAX_WATERMARK : NO_WATERMARK;
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
