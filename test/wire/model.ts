import type { BarrierHeader } from "../../runtime/graph/message_header.ts";
import type { BarrierOnChannel } from "../../runtime/task/link.ts";
import { newReceiver, type ReceiverAction, stepReceiver } from "../../runtime/task/wire_receiver.ts";
import {
  type GrantSaid,
  newSender,
  type SenderAction,
  stepSender,
  unsettled,
  type WireTimes,
} from "../../runtime/task/wire_sender.ts";

type Forward =
  | { readonly kind: "frame"; readonly seq: number; readonly barriers: readonly BarrierHeader[] }
  | { readonly kind: "heartbeat"; readonly sent: number; readonly barriers: readonly BarrierHeader[] }
  | { readonly kind: "hello"; readonly sent: number };

const times: WireTimes = { probeMs: 250, silenceMs: Infinity, maxResends: Infinity };

/** The two step functions with a wire between them that is told what to lose, repeat and damage, and what must hold. */
export class WireModel {
  readonly start: number;
  readonly window: number;
  readonly times: WireTimes;
  readonly sender;
  readonly receiver;
  readonly forward: Forward[] = [];
  readonly back: GrantSaid[] = [];
  readonly taken: number[] = [];
  readonly barriersSent: BarrierOnChannel[] = [];
  readonly barriersSeen: BarrierOnChannel[] = [];
  readonly actions: SenderAction["kind"][] = [];
  nowMs = 0;
  #frames = new Map<number, Forward>();
  #limit = 0;
  #consumed: number;
  #nextBarrier = 1;
  /** Frames the task wants sent and has no credit for. */
  waiting: boolean[] = [];

  constructor(options: { readonly start?: number; readonly window?: number; readonly times?: Partial<WireTimes> } = {}) {
    this.start = options.start ?? 0;
    this.window = options.window ?? 3;
    this.times = { ...times, ...options.times };
    this.#consumed = this.start;
    this.sender = newSender(this.start, 0);
    this.receiver = newReceiver(this.start, this.window);
  }

  get sent(): number {
    return this.sender.sent;
  }

  get settled(): boolean {
    return !unsettled(this.sender) && this.waiting.length === 0 && this.forward.length === 0 && this.back.length === 0;
  }

  /** The task has a frame to send, with an aligned barrier at its end or not. */
  emit(withBarrier: boolean): void {
    this.waiting.push(withBarrier);
    this.#sendWaiting();
  }

  /** A barrier overtakes what waits. */
  overtake(): void {
    if (this.waiting.includes(true)) return; // an aligned barrier is not overtaken by a younger one
    const barrier = this.#barrier(this.sent, true);
    this.#act(stepSender(this.sender, { kind: "barrier", barrier }, this.nowMs, this.times));
  }

  deliver(fate: "whole" | "lost" | "twice" | "damaged"): void {
    const message = this.forward.shift();
    if (message === undefined || fate === "lost") return;
    const whole = fate !== "damaged";
    if (!whole && message.kind !== "frame") return;
    for (let times = fate === "twice" ? 2 : 1; times > 0; times--) {
      const event = message.kind === "frame" ? { ...message, whole } : message;
      this.#take(stepReceiver(this.receiver, event), message);
    }
  }

  answer(fate: "whole" | "lost" | "twice"): void {
    const grant = this.back.shift();
    if (grant === undefined || fate === "lost") return;
    for (let times = fate === "twice" ? 2 : 1; times > 0; times--) {
      this.#act(stepSender(this.sender, { kind: "grant", grant }, this.nowMs, this.times));
    }
    this.#sendWaiting();
  }

  /** The receiver processes one frame. */
  consume(): void {
    if (this.#consumed === this.receiver.received) return;
    const consumed = ++this.#consumed;
    const consumedCost = consumed - this.start;
    this.#take(stepReceiver(this.receiver, { kind: "consumed", consumed, consumedCost, limit: consumedCost + this.window }));
  }

  pass(ms: number, connected: boolean = true): void {
    this.nowMs += ms;
    this.#act(stepSender(this.sender, { kind: "tick", connected }, this.nowMs, this.times));
  }

  /** No more faults: how many probes it takes until all is settled. */
  mend(mostProbes: number = 50): number {
    for (let probes = 0; probes <= mostProbes; probes++) {
      while (this.forward.length > 0 || this.back.length > 0 || this.#consumed < this.receiver.received) {
        this.deliver("whole");
        this.answer("whole");
        this.consume();
      }
      if (this.settled) return probes;
      this.pass(this.times.probeMs);
    }
    throw new Error(`not settled after ${mostProbes} probes: ${JSON.stringify({ ...this.sender, receiver: this.receiver })}`);
  }

  #sendWaiting(): void {
    while (this.waiting.length > 0 && this.sender.open && this.sent - this.start < this.#limit) {
      const seq = this.sent + 1;
      const barrier = this.waiting.shift() === true ? this.#barrier(seq, false) : undefined;
      this.#act(stepSender(this.sender, { kind: "frame", seq, barrier }, this.nowMs, this.times));
    }
  }

  #barrier(afterSeq: number, overtook: boolean): BarrierOnChannel {
    const barrier = { id: this.#nextBarrier++, afterSeq, overtook, elapsedMs: this.nowMs };
    this.barriersSent.push(barrier);
    return barrier;
  }

  #act(actions: readonly SenderAction[]): void {
    for (const action of actions) {
      this.actions.push(action.kind);
      if (action.kind === "transmit") {
        const frame: Forward = { kind: "frame", seq: action.seq, barriers: action.barriers };
        this.#frames.set(action.seq, frame);
        this.forward.push(frame);
      } else if (action.kind === "resend") {
        for (let seq = action.from; seq <= action.to; seq++) this.forward.push(this.#frames.get(seq) as Forward);
      } else if (action.kind === "heartbeat" || action.kind === "hello") {
        if (action.kind === "heartbeat" && !this.sender.open) throw new Error("sent something before the first grant");
        this.forward.push(action);
      } else if (action.kind === "credit") {
        this.#limit = Math.max(this.#limit, action.limit);
      } else if (action.kind === "release") {
        for (const seq of [...this.#frames.keys()]) if (seq <= action.upTo) this.#frames.delete(seq);
      } else if (action.kind === "refuse") {
        throw new Error("a true grant was refused");
      }
    }
  }

  #take(actions: readonly ReceiverAction[], message?: Forward): void {
    for (const action of actions) {
      if (action.kind === "barrier") this.barriersSeen.push(action.barrier);
      else if (action.kind === "grant") this.back.push(action.grant);
      else if (action.kind === "take") this.#takeFrame((message as Forward & { kind: "frame" }).seq);
    }
  }

  #takeFrame(seq: number): void {
    if (seq !== this.start + this.taken.length + 1) throw new Error(`took frame ${seq} after ${this.taken.at(-1)}`);
    this.taken.push(seq);
    // The cut is decided by seq alone, so a barrier must be known before anything behind it is taken.
    const seen = this.receiver.barrier;
    const late = this.barriersSent.find(({ id, afterSeq }) => afterSeq < seq && id > seen);
    if (late !== undefined) throw new Error(`took frame ${seq} before barrier ${late.id}, which stands after ${late.afterSeq}`);
  }
}
