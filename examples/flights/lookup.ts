import { setTimeout as delay } from "node:timers/promises";

/** Stands for a service of another company: answers so many questions in a second and no more. */
export class SlowService {
  readonly #intervalMs: number;
  #freeAt = 0;

  constructor(answersPerSecond: number) {
    this.#intervalMs = 1_000 / answersPerSecond;
  }

  async answer(): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + this.#intervalMs;
    const waitMs = this.#freeAt - now;
    if (waitMs >= 1) await delay(waitMs);
  }
}

/** Breaks what asks it, once, when it is armed and the flight it waits for has come. */
export class Saboteur {
  readonly #atFlight: number;
  #armed = false;

  constructor(atFlight: number) {
    this.#atFlight = atFlight;
  }

  arm(): void {
    this.#armed = true;
  }

  pass(flight: number): void {
    if (!this.#armed || flight < this.#atFlight) return;
    this.#armed = false;
    throw new Error(`injected at flight ${flight.toLocaleString("en")}, to show what happens`);
  }
}
