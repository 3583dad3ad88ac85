import type { Outcome } from "./scenario.ts";

/** What many seeds came to, added up. */
export class Tally {
  seeds = 0;
  /** Seeds with at least one violation. */
  violated = 0;
  readonly figures = new Map<string, number>();
  readonly faults = new Map<string, number>();
  readonly modes = new Map<string, number>();

  add(outcome: Outcome): void {
    this.seeds++;
    if (outcome.violations.length > 0) this.violated++;
    for (const [name, value] of Object.entries(outcome.figures)) addTo(this.figures, name, value);
    for (const [fault, times] of outcome.faults) addTo(this.faults, fault, times);
    addTo(this.modes, outcome.mode, 1);
  }

  /** A figure's sum; 0 when no seed had it. */
  of(figure: keyof Outcome["figures"]): number {
    return this.figures.get(figure) ?? 0;
  }

  lines(): string[] {
    return [
      `modes: ${show(this.modes)}`,
      `faults fired: ${show(this.faults)}`,
      `checkpoints: ${this.of("completed")} completed, ${this.of("aborted")} aborted; restarts: ${this.of("restarts")}, kills: ` +
      `${this.of("kills")}; records in flight: ${this.of("captured")} captured (${this.of("fedBack")} at heads of loops), ${
        this.of("recovered")
      } restored; exact ` +
      `at-least-once: ${this.of("single")}`,
      `rescales: ${this.of("rescales")}, with ${this.of("rerouted")} records in flight; right replicas of broadcast state: ${
        this.of("replicas")
      }`,
      `feedback: spilled ${this.of("spills")} times, captured on scratch space ${this.of("spillsCaptured")} times`,
    ];
  }
}

/** A seed that went wrong, and how to see it again. */
export function describeViolations(outcome: Outcome): string {
  return [
    `seed ${outcome.seed}: ${outcome.description}`,
    ...outcome.violations.map((violation) => `  ${violation}`),
    `  again: npm run simulate -- --seeds 1 --from ${outcome.seed} --verbose`,
  ].join("\n");
}

function addTo(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function show(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort().map(([name, times]) => `${name} ${times}`).join(", ") || "none";
}
