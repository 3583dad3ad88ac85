/**
 * The sending end of an encoded channel, as a step function: what goes out, what goes out again, and when to give up.
 *
 * - Nothing is sent before the first grant; `hello` is repeated until it comes.
 * - Frames that are not received are sent again, from the first missing one on (go-back-N), when the receiver says that
 *   something is missing. They keep the header they first had.
 * - While anything is not consumed, or a barrier is not confirmed, a heartbeat goes out every `probeMs`, so that the last
 *   frame before a silence, the last grant and a barrier cannot be lost for good.
 * - A barrier is in every header from the moment it leaves until the receiver has confirmed it.
 *
 * | event   | before the first grant         | after it                                                             |
 * |---------|--------------------------------|----------------------------------------------------------------------|
 * | frame   | never: there is no credit      | transmit, with the open barriers                                     |
 * | barrier | kept                           | heartbeat that shows it                                              |
 * | grant   | opens; barriers that were kept | release, credit; if frames are missing: resend, `k` times at most    |
 * | tick    | hello when due                 | heartbeat when due; fails after `silenceMs` without an answer        |
 *
 * The state changes in place; nothing in here encodes, does I/O or reads a clock.
 */
import type { CheckpointId } from "../graph/frame.ts";
import { type BarrierHeader, maxBarriers } from "../graph/message_header.ts";
import type { BarrierOnChannel } from "./link.ts";

/** The times of a wire. */
export interface WireTimes {
  /** Between two heartbeats, or two hellos, in milliseconds. */
  readonly probeMs: number;
  /** Without any answer for so long, while there is something to answer, the task fails; in milliseconds. */
  readonly silenceMs: number;
  /** The same frame sent so many times without success fails the task. */
  readonly maxResends: number;
}

/** What a receiver says: see the header of a grant. */
export interface GrantSaid {
  readonly received: number;
  readonly consumed: number;
  readonly limit: number;
  readonly barrier: CheckpointId;
  readonly gap: boolean;
}

export type SenderEvent =
  | { readonly kind: "frame"; readonly seq: number; readonly barrier: BarrierOnChannel | undefined }
  /** A barrier that overtakes. */
  | { readonly kind: "barrier"; readonly barrier: BarrierOnChannel }
  /** Something waits for the first grant. */
  | { readonly kind: "wanted" }
  | { readonly kind: "grant"; readonly grant: GrantSaid }
  /** Time has passed. `connected`: whether one's own connection stands; the silence of others counts only then. */
  | { readonly kind: "tick"; readonly connected: boolean };

export type SenderAction =
  | { readonly kind: "transmit"; readonly seq: number; readonly barriers: readonly BarrierHeader[] }
  | { readonly kind: "resend"; readonly from: number; readonly to: number }
  /** Frames up to here are received: forget them. */
  | { readonly kind: "release"; readonly upTo: number }
  | { readonly kind: "credit"; readonly consumed: number; readonly limit: number }
  | { readonly kind: "heartbeat"; readonly sent: number; readonly barriers: readonly BarrierHeader[] }
  | { readonly kind: "hello"; readonly sent: number }
  /** A grant that cannot be true. */
  | { readonly kind: "refuse" }
  | { readonly kind: "fail"; readonly reason: "silent" | "resent in vain"; readonly seq: number; readonly forMs: number };

/** Make it with {@link newSender}, change it with {@link stepSender} only. */
export interface SenderState {
  /** The first grant has come. */
  open: boolean;
  failed: boolean;
  sent: number;
  received: number;
  consumed: number;
  /** Barriers that have left and are not confirmed, oldest first. */
  barriers: readonly BarrierHeader[];
  /** Barriers that wait for the first grant, and since when. */
  kept: readonly { readonly barrier: BarrierOnChannel; readonly sinceMs: number }[];
  /** Since when an answer is due; undefined when none is. */
  silentSinceMs: number | undefined;
  probeAtMs: number;
  /** How many times `received + 1` was sent again, and when last. */
  resends: number;
  resentAtMs: number;
}

/** A channel that goes on after frame `sent`. */
export function newSender(sent: number, nowMs: number): SenderState {
  return {
    open: false,
    failed: false,
    sent,
    received: sent,
    consumed: sent,
    barriers: [],
    kept: [],
    silentSinceMs: undefined,
    probeAtMs: nowMs,
    resends: 0,
    resentAtMs: -Infinity,
  };
}

/** Whether the sender needs ticks: it repeats something, or waits for an answer. */
export function unsettled(state: SenderState): boolean {
  return !state.failed && (!state.open || state.consumed < state.sent || state.barriers.length > 0);
}

export function stepSender(state: SenderState, event: SenderEvent, nowMs: number, times: WireTimes): SenderAction[] {
  if (state.failed) return [];
  switch (event.kind) {
    case "frame":
      expectAnswer(state, nowMs, times);
      state.sent = event.seq;
      if (event.barrier !== undefined) show(state, event.barrier, 0);
      return [{ kind: "transmit", seq: event.seq, barriers: state.barriers }];
    case "barrier":
      expectAnswer(state, nowMs, times);
      if (!state.open) {
        state.kept = [...state.kept, { barrier: event.barrier, sinceMs: nowMs }].slice(-maxBarriers);
        return [];
      }
      show(state, event.barrier, 0);
      return [probe(state, nowMs, times)];
    case "wanted":
      if (!state.open) expectAnswer(state, nowMs, times);
      return [];
    case "grant":
      return onGrant(state, event.grant, nowMs, times);
    case "tick":
      return onTick(state, event.connected, nowMs, times);
  }
}

function onGrant(state: SenderState, grant: GrantSaid, nowMs: number, times: WireTimes): SenderAction[] {
  const { received, consumed, limit, barrier, gap } = grant;
  if (received > state.sent || consumed > received) return [{ kind: "refuse" }];
  const actions: SenderAction[] = [];
  const opens = !state.open;
  state.open = true;
  // While it goes on nothing has to be asked.
  if (received > state.received || consumed > state.consumed) state.probeAtMs = nowMs + times.probeMs;
  if (received > state.received) {
    state.received = received;
    state.resends = 0;
    actions.push({ kind: "release", upTo: received });
  }
  if (state.barriers.length > 0) state.barriers = state.barriers.filter(({ id }) => id > barrier);
  if (consumed > state.consumed) state.consumed = consumed;
  if (opens && state.kept.length > 0) {
    for (const { barrier, sinceMs } of state.kept) show(state, barrier, nowMs - sinceMs);
    state.kept = [];
    actions.push(probe(state, nowMs, times));
  }
  state.silentSinceMs = unsettled(state) ? nowMs : undefined;
  if (gap && received === state.received && received < state.sent) actions.push(...goBack(state, nowMs, times));
  if (!state.failed) actions.push({ kind: "credit", consumed, limit }); // last: it makes the task send
  return actions;
}

/** Again from the first missing frame; not again for the same one while the last try may be under way. */
function goBack(state: SenderState, nowMs: number, times: WireTimes): SenderAction[] {
  if (state.resends > 0 && nowMs < state.resentAtMs + times.probeMs) return [];
  const from = state.received + 1;
  if (state.resends >= times.maxResends) return [fail(state, "resent in vain", from, nowMs - state.resentAtMs)];
  state.resends++;
  state.resentAtMs = nowMs;
  return [{ kind: "resend", from, to: state.sent }];
}

function onTick(state: SenderState, connected: boolean, nowMs: number, times: WireTimes): SenderAction[] {
  if (!unsettled(state)) return [];
  if (!connected) {
    // What is said now is lost, and what the other says, too: a full timeout counts from the return.
    if (state.silentSinceMs !== undefined) state.silentSinceMs = nowMs;
    return [];
  }
  const { silentSinceMs } = state;
  if (silentSinceMs !== undefined && nowMs - silentSinceMs >= times.silenceMs) {
    return [fail(state, "silent", state.received + 1, nowMs - silentSinceMs)];
  }
  return nowMs < state.probeAtMs ? [] : [probe(state, nowMs, times)];
}

function probe(state: SenderState, nowMs: number, times: WireTimes): SenderAction {
  state.probeAtMs = nowMs + times.probeMs;
  return state.open ? { kind: "heartbeat", sent: state.sent, barriers: state.barriers } : { kind: "hello", sent: state.sent };
}

/** From now on an answer is due, if none was before. */
function expectAnswer(state: SenderState, nowMs: number, times: WireTimes): void {
  if (state.silentSinceMs !== undefined) return;
  state.silentSinceMs = nowMs;
  if (state.open) state.probeAtMs = nowMs + times.probeMs;
}

function show(state: SenderState, barrier: BarrierOnChannel, waitedMs: number): void {
  const { id, overtook, afterSeq, elapsedMs, mode } = barrier;
  const shown: BarrierHeader = {
    id,
    kind: overtook ? "unaligned" : "aligned",
    afterSeq,
    elapsedMs: elapsedMs + waitedMs,
    ...(mode === undefined ? {} : { mode }),
  };
  state.barriers = [...state.barriers, shown].slice(-maxBarriers);
}

function fail(state: SenderState, reason: "silent" | "resent in vain", seq: number, forMs: number): SenderAction {
  state.failed = true;
  return { kind: "fail", reason, seq, forMs };
}
