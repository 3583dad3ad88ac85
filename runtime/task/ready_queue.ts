import type { InputChannel } from "./input_channel.ts";

/** The channels that can be read, in turn. A channel stands in it once, or not at all. */
export class ReadyQueue {
  readonly #channels: InputChannel[] = [];
  #head = 0;

  get empty(): boolean {
    return this.#head === this.#channels.length;
  }

  /** Puts a channel at the end, unless it is in it. */
  add(input: InputChannel): void {
    if (input.queued) return;
    input.queued = true;
    this.#channels.push(input);
  }

  /** Takes out the first channel that can still be read, and those before it. */
  take(canRead: (input: InputChannel) => boolean): InputChannel | undefined {
    const channels = this.#channels;
    while (this.#head < channels.length) {
      const input = channels[this.#head] as InputChannel;
      channels[this.#head++] = undefined as unknown as InputChannel;
      if (this.#head === channels.length) {
        channels.length = 0;
        this.#head = 0;
      } else if (this.#head >= 256) {
        channels.splice(0, this.#head);
        this.#head = 0;
      }
      input.queued = false;
      if (canRead(input)) return input;
    }
    return undefined;
  }
}
