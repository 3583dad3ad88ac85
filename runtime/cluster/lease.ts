/**
 * Who coordinates, as a step function: a lease in a key-value store, taken and renewed by compare-and-set (protocol 4.1).
 *
 * - The holder renews every quarter of the lease's time. A member that sees no new revision for the whole time, on its own
 *   monotonic clock and with its own connection up, takes the lease over.
 * - The **term** is the revision at which a holder took it: it grows, and no two holders have the same.
 * - A holder goes on until it sees that another one has taken the lease: what it may do is judged where it does it, by
 *   compare-and-set of the records it changes, never by a clock.
 *
 * The state changes in place; nothing in here does I/O or reads a clock.
 */

/** The lease as it stands in the store. */
export interface SeenLease {
  readonly revision: number;
  readonly holder: string;
  /** 0: this revision is the one at which it was taken. */
  readonly term: number;
}

export type LeaseEvent =
  /** What stands in the store: undefined, nothing, since revision `deleted` where that is known. */
  | { readonly kind: "seen"; readonly lease: SeenLease | undefined; readonly deleted?: number }
  /** A write has succeeded as this revision, or another one came first. */
  | { readonly kind: "written"; readonly revision: number | undefined }
  /** A look or a write has failed: nobody knows whether it was done. */
  | { readonly kind: "unknown" }
  | { readonly kind: "tick"; readonly connected: boolean };

export type LeaseAction =
  /** Look into the store; answer with `seen` or `unknown`. */
  | { readonly kind: "look" }
  /** Write over that revision (0: when there is none); answer with `written` or `unknown`. */
  | { readonly kind: "write"; readonly expected: number; readonly term: number }
  /** This member coordinates from now on. */
  | { readonly kind: "took"; readonly term: number }
  /** Another one does, or nobody. */
  | { readonly kind: "lost" };

/** Make it with {@link newLease}, change it with {@link stepLease} only. */
export interface LeaseState {
  readonly me: string;
  readonly leaseMs: number;
  /** While it holds the lease: since which revision. 0: it does not. */
  term: number;
  seen: SeenLease | undefined;
  /** When the seen revision was seen first, or last looked for. */
  seenAtMs: number;
  lookedAtMs: number;
  /** A look or a write is under way. */
  asking: "look" | "write" | undefined;
}

export function newLease(me: string, leaseMs: number, nowMs: number): LeaseState {
  return { me, leaseMs, term: 0, seen: undefined, seenAtMs: nowMs, lookedAtMs: -Infinity, asking: undefined };
}

export function stepLease(state: LeaseState, event: LeaseEvent, nowMs: number): readonly LeaseAction[] {
  switch (event.kind) {
    case "seen":
      if (state.asking === "look") state.asking = undefined;
      if (event.deleted !== undefined && event.deleted < (state.seen?.revision ?? 0)) return []; // one before this one
      return onSeen(state, event.lease, nowMs);
    case "written":
      state.asking = undefined;
      return event.revision === undefined ? look(state, nowMs) : onWritten(state, event.revision, nowMs);
    case "unknown":
      state.asking = undefined;
      return [];
    case "tick":
      return onTick(state, event.connected, nowMs);
  }
}

function onSeen(state: LeaseState, lease: SeenLease | undefined, nowMs: number): readonly LeaseAction[] {
  if (lease !== undefined && lease.revision < (state.seen?.revision ?? 0)) return []; // an older look comes late
  if (lease?.revision !== state.seen?.revision) state.seenAtMs = nowMs;
  state.seen = lease;
  if (lease?.holder === state.me) {
    const term = lease.term === 0 ? lease.revision : lease.term;
    if (state.term === term) return [];
    state.term = term; // a write whose outcome was not known
    return [{ kind: "took", term }];
  }
  const actions: LeaseAction[] = [];
  if (state.term !== 0) {
    state.term = 0;
    actions.push({ kind: "lost" });
  }
  if (lease === undefined) actions.push(...write(state, 0));
  return actions;
}

function onWritten(state: LeaseState, revision: number, nowMs: number): readonly LeaseAction[] {
  const took = state.term === 0;
  if (took) state.term = revision;
  if (revision > (state.seen?.revision ?? 0)) {
    state.seen = { revision, holder: state.me, term: state.term };
    state.seenAtMs = nowMs;
  }
  return took ? [{ kind: "took", term: revision }] : [];
}

function onTick(state: LeaseState, connected: boolean, nowMs: number): readonly LeaseAction[] {
  if (!connected) {
    state.seenAtMs = nowMs; // others' silence means nothing now, and for a whole lease time after
    return [];
  }
  const { seen, leaseMs } = state;
  if (state.term !== 0) {
    return nowMs - state.seenAtMs >= leaseMs / 4 ? write(state, seen?.revision ?? 0) : [];
  }
  if (seen !== undefined && nowMs - state.seenAtMs >= leaseMs) return write(state, seen.revision);
  return nowMs - state.lookedAtMs >= leaseMs / 4 ? look(state, nowMs) : [];
}

function look(state: LeaseState, nowMs: number): readonly LeaseAction[] {
  if (state.asking !== undefined) return [];
  state.asking = "look";
  state.lookedAtMs = nowMs;
  return [{ kind: "look" }];
}

function write(state: LeaseState, expected: number): readonly LeaseAction[] {
  if (state.asking !== undefined) return [];
  state.asking = "write";
  return [{ kind: "write", expected, term: state.term }];
}
