import Table from "cli-table3";
import { appendFileSync, writeFileSync } from "node:fs";
import { describeMachine, thisRuntime } from "./machine.ts";
import type { Spread } from "./spread.ts";

/** One measured case. Field names are those of the programs in `peers/`; times in milliseconds unless the name says otherwise. */
export interface Figures {
  readonly workload: string;
  readonly engine?: string;
  readonly mode?: string;
  readonly [name: string]: string | number | boolean | Spread | readonly number[] | undefined;
}

/** A column of a table: its head, and what it shows of a case. */
export type Column = readonly [head: string, show: (figures: Figures) => string];

/** Says what was measured: tables for people, and JSON, one object a line, for programs. */
export class Report {
  readonly #jsonPath: string | undefined;
  readonly #all: Figures[] = [];

  constructor(jsonPath?: string, append = false) {
    this.#jsonPath = jsonPath;
    if (jsonPath !== undefined && !append) writeFileSync(jsonPath, "");
  }

  /** Everything reported so far. */
  get figures(): readonly Figures[] {
    return this.#all;
  }

  /** A heading with the machine that it was measured on. */
  begin(what: string): void {
    console.log(`\n${what}\n${describeMachine()}`);
  }

  say(line: string): void {
    console.log(line);
  }

  /** Takes a case down; other engines say their name, everything else is ours. */
  add(figures: Figures): Figures {
    const { name, version } = thisRuntime();
    const complete: Figures = { engine: "sluice", runtime: name, runtimeVersion: version, ...figures };
    this.#all.push(complete);
    if (this.#jsonPath !== undefined) appendFileSync(this.#jsonPath, `${JSON.stringify(complete)}\n`);
    return complete;
  }

  table(columns: readonly Column[], rows: readonly Figures[]): void {
    const table = new Table({
      head: columns.map(([head]) => head),
      colAligns: columns.map((_, index) => (index === 0 ? "left" : "right")),
      style: { head: [], border: [], compact: true },
    });
    for (const row of rows) table.push(columns.map(([, show]) => show(row)));
    console.log(table.toString());
  }
}

/** The spread under a name, if the case has it. */
export function spreadOf(figures: Figures, name: string): Spread | undefined {
  const value = figures[name];
  return typeof value === "object" && "p50" in value ? value : undefined;
}

export function number(value: unknown, digits = 2): string {
  return typeof value === "number" && Number.isFinite(value) ? value.toFixed(digits) : "-";
}

export function percent(share: unknown): string {
  return typeof share === "number" && Number.isFinite(share) ? `${(share * 100).toFixed(0)} %` : "-";
}

/** `median (least - most)` of shares. */
export function percentSpread(shares: Spread | undefined): string {
  return shares === undefined ? "-" : `${percent(shares.p50)} (${percent(shares.min)} - ${percent(shares.max)})`;
}
