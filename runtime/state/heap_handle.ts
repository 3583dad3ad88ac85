import { apart } from "./apart.ts";
import type { Entry, EntryChanges, EntryTable } from "./entry_table.ts";
import type { Invocation, Remembering } from "./invocation.ts";
import type { MutationGuard } from "./mutation_guard.ts";
import { placeOf } from "./place.ts";
import type { Expiry } from "./time_to_live.ts";

/** What all handles of one state share. */
export interface HandledState {
  readonly uid: string;
  readonly name: string;
  readonly table: EntryTable;
  /** The table's. */
  readonly changes: EntryChanges;
  /** Where what it holds expires. */
  readonly expiry: Expiry | undefined;
  readonly guard: MutationGuard | undefined;
}

/**
 * What the handles of every kind of state have in common: they look up the entry of the current key once per invocation.
 * Subclasses test `seen !== invocation.serial` themselves, so that the test is inlined with their own feedback.
 */
export abstract class HeapHandle implements Remembering {
  protected readonly state: HandledState;
  protected readonly invocation: Invocation;
  // The state's, at hand: they are looked at for every use.
  protected readonly table: EntryTable;
  protected readonly changes: EntryChanges;
  protected readonly expiry: Expiry | undefined;
  protected readonly guard: MutationGuard | undefined;
  /** The serial of the run in which `entry` was looked up; never that of no run. */
  protected seen = -1;
  /** The current key's entry, if it has one. */
  protected entry: Entry | undefined = undefined;

  constructor(state: HandledState, invocation: Invocation) {
    this.state = state;
    this.table = state.table;
    this.changes = state.changes;
    this.expiry = state.expiry;
    this.guard = state.guard;
    this.invocation = invocation;
    invocation.register(this);
  }

  forget(): void {
    this.seen = -1;
    this.entry = undefined;
  }

  protected resolve(): void {
    const invocation = this.invocation;
    if (invocation.group < 0 || invocation.serial === 0) this.unkeyed();
    this.entry = this.table.find(invocation.group, invocation.identity);
    this.seen = invocation.serial;
    if (this.expiry !== undefined && this.entry !== undefined) this.age(this.expiry, this.entry);
  }

  /** Gives the current key, which has none, an entry. */
  protected store(value: unknown): void {
    apart(this.insert, value);
  }

  private readonly insert = (value: unknown): void => {
    const { group, identity, key } = this.invocation;
    const entry = this.table.insert(group, identity, key!, value);
    if (this.expiry !== undefined) this.expiry.refresh(entry);
    this.entry = entry;
  };

  protected drop(): void {
    if (this.entry === undefined) return;
    this.table.remove(this.invocation.group, this.invocation.identity, this.entry);
    this.entry = undefined;
  }

  /** To be called before an entry's value changes. */
  protected touch(entry: Entry): void {
    if (entry.stamp < this.changes.stamp || this.expiry !== undefined) this.report(entry);
  }

  /** Apart from the test before it, which is taken for every use, and so small that it is inlined. */
  private report(entry: Entry): void {
    if (entry.stamp < this.changes.stamp) this.changes.changing(entry, this.invocation.group);
    if (this.expiry !== undefined) this.expiry.refresh(entry);
  }

  /** To be called before what an entry holds is handed out, while snapshots are being written: it might be changed in place. */
  protected handOut(entry: Entry, value: unknown): void {
    if (typeof value !== "object" || value === null || entry.stamp >= this.changes.stamp) return;
    this.changes.changing(entry, this.invocation.group);
  }

  private unkeyed(): void {
    this.invocation.assertKeyed(`state ${this.state.name}`);
  }

  private age(expiry: Expiry, entry: Entry): void {
    if (!expiry.isLive(entry)) this.drop();
    else if (expiry.refreshOnUse) this.touch(entry);
  }

  protected where(): string {
    return placeOf(this.state.uid, this.state.name, this.invocation.key);
  }
}
