/** Beyond how much of what it has consumed a channel that ran dry once remembers it, in windows. */
const memoryWindows = 32;

/**
 * What a channel over a transport may have under way at least, however slowly it drains.
 *
 * A window that follows the drain rate alone forgets the way there and back: where that takes longer than the receiver has work
 * for, the receiver waits, drains less, and takes even less at once. So where nothing is left to be processed, and the sender had
 * used up what it was told before the latest grant, the channel ran dry for want of credit: its next window is twice the last
 * one. While frames wait for the receiver, and not the receiver for frames, that is forgotten again, and the window is as small
 * as the drain rate says.
 */
export class DryChannel {
  readonly #mostBytes: number;
  #leastBytes = 0;
  #consumedCost = 0;
  #told = 0;
  #toldBefore = 0;

  /** @param mostBytes It never asks for more. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * The window from now on, at least `windowBytes`, when `consumedCost` has been consumed in all.
   *
   * @param empty Nothing is left to be processed.
   * @param told The limit in the latest grant.
   */
  window(consumedCost: number, windowBytes: number, empty: boolean, told: number): number {
    if (told !== this.#told) {
      this.#toldBefore = this.#told;
      this.#told = told;
    }
    const consumed = consumedCost - this.#consumedCost;
    this.#consumedCost = consumedCost;
    if (empty && consumedCost >= (this.#toldBefore || told)) {
      this.#leastBytes = Math.min(this.#mostBytes, 2 * Math.max(windowBytes, this.#leastBytes));
    } else {
      this.#leastBytes = Math.max(0, this.#leastBytes - consumed / memoryWindows);
    }
    return Math.max(windowBytes, this.#leastBytes);
  }
}
