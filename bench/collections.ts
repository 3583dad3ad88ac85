import { PerformanceObserver } from "node:perf_hooks";

/** When the engine collected garbage, where it says so: Node does. Times are those of `performance.now()`. */
export class Collections {
  readonly #observer: PerformanceObserver | undefined;
  #seen: { readonly from: number; readonly to: number }[] = [];

  constructor() {
    const { supportedEntryTypes } = PerformanceObserver as { readonly supportedEntryTypes?: readonly string[] };
    if (supportedEntryTypes?.includes("gc") !== true) return;
    this.#observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) this.#seen.push({ from: startTime, to: startTime + duration });
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** Whether the engine says when it collects. */
  get known(): boolean {
    return this.#observer !== undefined;
  }

  /** Forgets what was seen. */
  reset(): void {
    this.#seen = [];
  }

  /** How much of a span of time was spent on it, as far as the event loop has heard. */
  within(from: number, to: number): number {
    let ms = 0;
    for (const seen of this.#seen) ms += Math.max(0, Math.min(to, seen.to) - Math.max(from, seen.from));
    return ms;
  }

  close(): void {
    this.#observer?.disconnect();
  }
}
