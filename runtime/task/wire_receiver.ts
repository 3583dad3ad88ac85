/**
 * The receiving end of an encoded channel, as a step function: which frames are taken, and what the sender is told.
 *
 * - Frames are taken in order, each once; duplicates and frames ahead of a gap are dropped, and a frame whose body is damaged
 *   is one that has not come.
 * - The first message that shows a barrier is the barrier, whatever becomes of the message's body.
 * - Every hello and heartbeat is answered. A gap is told when it shows, once; then each heartbeat tells it again.
 * - Consumption is told when it matters: when nothing is left to be consumed, or when half a window has been gained.
 *
 * The state changes in place; nothing in here decodes, does I/O or reads a clock.
 */
import type { CheckpointId } from "../graph/frame.ts";
import type { BarrierHeader } from "../graph/message_header.ts";
import type { BarrierOnChannel } from "./link.ts";
import type { GrantSaid } from "./wire_sender.ts";

export type ReceiverEvent =
  /** `whole`: its body is intact, too. */
  | { readonly kind: "frame"; readonly seq: number; readonly barriers: readonly BarrierHeader[]; readonly whole: boolean }
  | { readonly kind: "heartbeat"; readonly sent: number; readonly barriers: readonly BarrierHeader[] }
  | { readonly kind: "hello"; readonly sent: number }
  /** Frames up to `consumed` are processed; the sender may send until `limit` of cost. */
  | { readonly kind: "consumed"; readonly consumed: number; readonly consumedCost: number; readonly limit: number };

export type ReceiverAction =
  | { readonly kind: "barrier"; readonly barrier: BarrierOnChannel }
  /** Take the frame of this event. */
  | { readonly kind: "take" }
  | { readonly kind: "grant"; readonly grant: GrantSaid }
  /** Why the frame of this event was not taken. */
  | { readonly kind: "drop"; readonly reason: "duplicate" | "gap" | "damaged" }
  /** A hello of a channel that goes on elsewhere. */
  | { readonly kind: "refuse" };

/** Make it with {@link newReceiver}, change it with {@link stepReceiver} only. */
export interface ReceiverState {
  /** Where the channel begins. */
  readonly start: number;
  received: number;
  consumed: number;
  consumedCost: number;
  limit: number;
  /** The limit in the last grant. */
  toldLimit: number;
  /** The last frame that is known to have been sent. */
  known: number;
  /** The gap behind this frame was told. */
  toldGap: number;
  barrier: CheckpointId;
}

/** A channel that goes on after frame `received`, on which `limit` of cost may come at once. */
export function newReceiver(received: number, limit: number): ReceiverState {
  return {
    start: received,
    received,
    consumed: received,
    consumedCost: 0,
    limit,
    toldLimit: limit,
    known: received,
    toldGap: -1,
    barrier: 0,
  };
}

export function stepReceiver(state: ReceiverState, event: ReceiverEvent): ReceiverAction[] {
  switch (event.kind) {
    case "frame":
      return onFrame(state, event);
    case "heartbeat": {
      const actions = learn(state, event.barriers);
      if (event.sent > state.known) state.known = event.sent;
      actions.push(answer(state));
      return actions;
    }
    case "hello":
      return event.sent === state.start ? [answer(state)] : [{ kind: "refuse" }];
    case "consumed":
      return onConsumed(state, event);
  }
}

/** What the sender is told now. */
export function answer(state: ReceiverState): ReceiverAction {
  const { received, consumed, limit, barrier } = state;
  const gap = received < state.known;
  state.toldLimit = limit;
  state.toldGap = gap ? received : -1;
  return { kind: "grant", grant: { received, consumed, limit, barrier, gap } };
}

function onFrame(state: ReceiverState, { seq, barriers, whole }: Extract<ReceiverEvent, { kind: "frame" }>): ReceiverAction[] {
  const actions = learn(state, barriers);
  if (seq > state.known) state.known = seq;
  if (seq <= state.received) {
    actions.push({ kind: "drop", reason: "duplicate" });
  } else if (whole && seq === state.received + 1) {
    state.received = seq;
    actions.push({ kind: "take" });
  } else {
    actions.push({ kind: "drop", reason: whole ? "gap" : "damaged" });
    if (state.toldGap !== state.received) actions.push(answer(state));
  }
  return actions;
}

function learn(state: ReceiverState, barriers: readonly BarrierHeader[]): ReceiverAction[] {
  const actions: ReceiverAction[] = [];
  for (const { id, kind, afterSeq, elapsedMs, mode } of barriers) {
    if (id <= state.barrier) continue;
    state.barrier = id;
    const barrier = { id, afterSeq, overtook: kind === "unaligned", elapsedMs, ...(mode === undefined ? {} : { mode }) };
    actions.push({ kind: "barrier", barrier });
  }
  return actions;
}

function onConsumed(state: ReceiverState, event: Extract<ReceiverEvent, { kind: "consumed" }>): ReceiverAction[] {
  state.consumed = event.consumed;
  state.consumedCost = event.consumedCost;
  if (event.limit > state.limit) state.limit = event.limit;
  const window = state.limit - state.consumedCost;
  const worthTelling = state.consumed === state.received || state.limit - state.toldLimit >= window / 2;
  return worthTelling ? [answer(state)] : [];
}
