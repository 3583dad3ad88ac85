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

/** A table as it is printed. */
export interface PrintedTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly cells: readonly (readonly string[])[];
}

/** Prints a table, under its title. */
export function printTable({ title, head, cells }: PrintedTable): void {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of cells) table.push([...row]);
  if (title !== "") console.log(`\n${title}`);
  console.log(table.toString());
}

/** Tables of several runtimes as one each: those with the same title and head, with the runtime in front. */
export function joinTables(ofRuntimes: readonly (readonly [runtime: string, tables: readonly PrintedTable[]])[]): PrintedTable[] {
  const joined = new Map<string, { title: string; head: string[]; cells: string[][] }>();
  for (const [runtime, tables] of ofRuntimes) {
    for (const { title, head, cells } of tables) {
      const id = JSON.stringify([title, head]);
      const into = joined.get(id) ?? { title, head: ["runtime", ...head], cells: [] };
      joined.set(id, into);
      for (const row of cells) into.cells.push([runtime, ...row]);
    }
  }
  return [...joined.values()];
}

/** Says what was measured: tables for people, and JSON, one object a line, for programs. */
export class Report {
  readonly #jsonPath: string | undefined;
  readonly #tablesPath: string | undefined;
  readonly #all: Figures[] = [];

  /** Into `tablesPath` go tables as lines of JSON, for whoever prints those of several runtimes as one. */
  constructor(jsonPath?: string, append = false, tablesPath?: string) {
    this.#jsonPath = jsonPath;
    this.#tablesPath = tablesPath;
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

  table(columns: readonly Column[], rows: readonly Figures[], title: string = ""): void {
    const [head, cells] = [columns.map(([head]) => head), rows.map((row) => columns.map(([, show]) => show(row)))];
    if (this.#tablesPath === undefined) printTable({ title, head, cells });
    else appendFileSync(this.#tablesPath, `${JSON.stringify({ title, head, cells })}\n`);
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
