import type { Clock, Timer } from "../../actors/clock.ts";
import type { TurnMark } from "../task/turn_mark.ts";

/** What the main thread and the thread that watches it share: how often the loop has turned, and whose turn it is. */
export const watchedWords = 2;
const turnedWord = 0;
const placeWord = 1;

/** How often the loop says that it turns, in milliseconds. */
const turnMs = 100;

/** Tells the watching thread what a number of {@link Watchdog.mark} stands for. */
export interface WatchingThread {
  readonly words: Int32Array;
  name(number: number, place: string): void;
  close(): void;
}

/**
 * The side of a process that is watched: its event loop says that it turns, and in which subtask it is. A thread of the same
 * process looks on, since a loop that is blocked can say nothing itself (protocol 4.6).
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #thread: WatchingThread;
  readonly #words: Int32Array;
  #numbers = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, thread: WatchingThread) {
    this.#clock = clock;
    this.#thread = thread;
    this.#words = thread.words;
    this.#turn();
  }

  /** Whose turn it is from `enter` to `leave`: `place` names it for people. */
  mark(place: string): TurnMark {
    const number = ++this.#numbers;
    const words = this.#words;
    this.#thread.name(number, place);
    return {
      enter: () => {
        words[placeWord] = number;
      },
      leave: () => {
        words[placeWord] = 0;
      },
    };
  }

  close(): void {
    this.#timer?.cancel();
    this.#thread.close();
  }

  #turn(): void {
    Atomics.add(this.#words, turnedWord, 1);
    this.#timer = this.#clock.setTimer(turnMs, () => this.#turn());
  }
}

/** What is seen from outside at a look. */
export interface Blockage {
  readonly blockedMs: number;
  /** Number of the mark whose turn it is; 0: nobody's. */
  readonly place: number;
}

/** The watching side, as a step: how long the loop has not turned. */
export class LoopWatch {
  readonly #words: Int32Array;
  #turned = 0;
  #sinceMs: number;

  constructor(words: Int32Array, nowMs: number) {
    this.#words = words;
    this.#sinceMs = nowMs;
  }

  look(nowMs: number): Blockage {
    const turned = Atomics.load(this.#words, turnedWord);
    if (turned !== this.#turned) this.#sinceMs = nowMs;
    this.#turned = turned;
    return { blockedMs: nowMs - this.#sinceMs, place: Atomics.load(this.#words, placeWord) };
  }
}
