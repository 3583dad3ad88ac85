import { PendingQuestion, refuse } from "./ask.ts";
import { SluiceError } from "./error.ts";
import { type Home, type HomeActor, sendDeadLetter } from "./home.ts";
import { actorOf, printAddress } from "./local_ref.ts";
import { putRefs, takeRefs } from "./placed_refs.ts";
import type { ActorRef, Address } from "./ref.ts";
import { type Envelope, openEnvelope, sealEnvelope, systemIdPattern, type WireRef } from "./remote_envelope.ts";
import { type Remoteness, RemoteRef, RemoteReply } from "./remote_ref.ts";
import { ForeignWatches, RemoteWatches, textOf } from "./remote_watch.ts";
import { mismatch } from "./schema_check.ts";
import type { Delivery, Subscription, Transport } from "./transport.ts";

/** How a system reaches others, and is reached by them. */
export interface RemoteOptions {
  /** Joins the systems. It stays the caller's: `shutdown` does not close it. */
  readonly transport: Transport;
  /**
   * The first token of every subject: letters, digits, `_` and `-`. Systems reach each other within one only.
   * @default "sluice"
   */
  readonly namespace?: string;
  /**
   * How often a system that has watched actors is asked for them, in milliseconds.
   * @default 1,000
   */
  readonly heartbeatMs?: number;
  /**
   * After how long without an answer the actors of a system count as unreachable for who watches them, in milliseconds.
   * @default 5,000
   */
  readonly unreachableMs?: number;
}

type Tell = Extract<Envelope, { kind: "tell" }>;

/** How many senders' sequences are remembered. */
const maxSenders = 10_000;

/** One system among others: sends to them, and takes in what they send, after checking it. */
export class Remote implements Remoteness {
  readonly home: Home;
  readonly #transport: Transport;
  readonly #namespace: string;
  readonly #heartbeatMs: number;
  readonly #subscriptions: readonly Subscription[];
  readonly #watches: RemoteWatches;
  readonly #foreign: ForeignWatches;
  /** The last sequence of each sender, so that a message that arrives twice is taken once. */
  readonly #sequences = new Map<string, number>();
  #sequence = 0;

  constructor(home: Home, name: string, options: RemoteOptions) {
    const { transport, namespace = "sluice", heartbeatMs = 1_000, unreachableMs = 5_000 } = options;
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(namespace)) throw outOfRange("namespace", namespace);
    if (!(heartbeatMs > 0)) throw outOfRange("heartbeatMs", heartbeatMs);
    if (!(unreachableMs > heartbeatMs)) throw outOfRange("unreachableMs", unreachableMs);
    this.home = home;
    this.#transport = transport;
    this.#namespace = namespace;
    this.#heartbeatMs = heartbeatMs;
    const timing = { heartbeatMs, unreachableMs };
    const send = (system: string, envelope: Envelope) => void this.#send(system, envelope);
    this.#watches = new RemoteWatches(home.clock, timing, home.id, send);
    const find = (path: string, id: number) => this.#actor(path, id)?.watchers;
    this.#foreign = new ForeignWatches(home.clock, timing, home.id, find, send);
    this.#subscriptions = [
      transport.subscribe(this.#subject("system", home.id), (delivery) => this.#receive(delivery)),
      transport.subscribe(this.#subject("find", name), (delivery) => this.#receive(delivery)),
    ];
  }

  refTo(address: Address): ActorRef<never> {
    if (!new RegExp(systemIdPattern).test(address.system)) {
      throw new SluiceError("BAD_NAME", `${JSON.stringify(address.system)} is no id of a system`);
    }
    const { path, id } = address;
    const own = address.system === this.home.id ? this.#actor(path, id)?.ref : undefined;
    return own ?? new RemoteRef<never>({ system: address.system, path, id }, this);
  }

  /** Asks the systems of a name for an actor, again at each heartbeat until `timeoutMs` have passed. */
  async find(name: string, path: string, timeoutMs: number): Promise<ActorRef<never>> {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw new SluiceError("BAD_NAME", `${JSON.stringify(name)} is no name of a system`);
    const subject = this.#subject("find", name);
    const question = sealEnvelope({ kind: "find", from: this.home.id, path });
    const endMs = this.home.clock.monotonic() + timeoutMs;
    for (let leftMs = timeoutMs; leftMs > 0; leftMs = endMs - this.home.clock.monotonic()) {
      try {
        const answer = await this.#transport.request(subject, question, Math.min(leftMs, this.#heartbeatMs));
        const opened = openEnvelope(answer, this.#transport.maxPayloadBytes);
        if (opened.kind === "envelope" && opened.envelope.kind === "found") return this.refTo(opened.envelope.address);
      } catch (error) {
        if (!(error instanceof SluiceError && error.code === "REQUEST_TIMEOUT")) throw error;
      }
    }
    throw new SluiceError("ACTOR_NOT_FOUND", `no system ${name} said within ${timeoutMs} ms that it has an actor ${path}`);
  }

  tell(address: Address, message: unknown): void {
    if (address.system === this.home.id) return this.lose(address, message, "stopped");
    const { path, id } = address;
    const sequence = this.#sequence++;
    const failure = this.#post(address.system, message, (content) => ({
      kind: "tell",
      from: this.home.id,
      sequence,
      path,
      id,
      ...content,
    }));
    if (failure !== undefined) this.lose(address, message, "unreachable", failure);
  }

  reply(system: string, question: number, message: unknown): void {
    const failure = this.#post(system, message, (content) => ({ kind: "reply", from: this.home.id, question, ...content }));
    if (failure !== undefined) this.refuse(system, question, failure);
  }

  refuse(system: string, question: number, cause: unknown): void {
    this.#send(system, { kind: "refuse", from: this.home.id, question, why: textOf(cause) });
  }

  deathOf(address: Address) {
    if (address.system !== this.home.id) return this.#watches.deathOf(address);
    return {
      add: (watcher: { terminated(reason: { kind: "gone" }): void }) => watcher.terminated({ kind: "gone" }),
      remove() {},
    };
  }

  lose(address: Address, message: unknown, reason: "stopped" | "unreachable" | "invalid" | "full", cause?: unknown): void {
    sendDeadLetter(this.home, printAddress(address), message, reason, cause);
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#watches.close();
    this.#foreign.close();
  }

  #subject(kind: "system" | "find", token: string): string {
    return `${this.#namespace}.${kind}.${token}`;
  }

  /** Sends a message with its refs; returns what prevented it. */
  #post(
    system: string,
    message: unknown,
    envelope: (content: Pick<Tell, "message" | "refs">) => Envelope,
  ): unknown {
    try {
      this.#transport.publish(this.#subject("system", system), sealEnvelope(envelope(takeRefs(message, this.#wireRefOf))));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Sends what is sent again if need be: a failure is only logged. */
  #send(system: string, envelope: Envelope): void {
    try {
      this.#transport.publish(this.#subject("system", system), sealEnvelope(envelope));
    } catch (error) {
      this.home.logger({
        level: "warn",
        from: "remote",
        message: `${envelope.kind} to ${system} could not be sent`,
        cause: error,
      });
    }
  }

  readonly #wireRefOf = (value: object): WireRef | undefined => {
    if (value instanceof RemoteReply) return { kind: "reply", system: value.system, question: value.question };
    if (value instanceof PendingQuestion) {
      const own = this.home.questions.get(value.id) === value;
      return own ? { kind: "reply", system: this.home.id, question: value.id } : undefined;
    }
    const ref = value as ActorRef<never>;
    const isRef = value instanceof RemoteRef || actorOf(ref) !== undefined;
    return isRef ? { kind: "actor", address: ref.address } : undefined;
  };

  readonly #refOf = (ref: WireRef): unknown => {
    if (ref.kind === "actor") return this.refTo(ref.address);
    const own = ref.system === this.home.id ? this.home.questions.get(ref.question) : undefined;
    return own ?? new RemoteReply(ref.system, ref.question, this);
  };

  #actor(path: string, id: number): HomeActor | undefined {
    const actor = this.home.actors.get(id);
    return actor?.path === path && actor.lives > 0 ? actor : undefined;
  }

  #receive({ bytes, replyTo, subject }: Delivery): void {
    const opened = openEnvelope(bytes, this.#transport.maxPayloadBytes);
    if (opened.kind === "corrupt") {
      const cause = new SluiceError("MESSAGE_INVALID", `${bytes.length} bytes on ${subject}: ${opened.reason}`);
      return sendDeadLetter(this.home, this.home.id, bytes.slice(), "invalid", cause);
    }
    const { envelope } = opened;
    switch (envelope.kind) {
      case "tell":
        return this.#take(envelope);
      case "reply": {
        const content = putRefs(envelope.message, envelope.refs, this.#refOf);
        const question = this.home.questions.get(envelope.question);
        if (content === undefined) question?.[refuse](new SluiceError("MESSAGE_INVALID", "the answer has refs in no place"));
        else question?.tell(content.message);
        return;
      }
      case "refuse":
        return this.home.questions.get(envelope.question)?.[refuse](new SluiceError("REMOTE_FAILURE", envelope.why));
      case "watch":
        return this.#foreign.onWatch(envelope.from, envelope.watches);
      case "unwatch":
        return this.#foreign.onUnwatch(envelope.from, envelope.watches);
      case "watched":
        return this.#watches.onWatched(envelope.from, envelope.ended);
      case "find":
        return this.#answer(envelope.path, replyTo);
      case "found":
        return;
      default:
        return envelope satisfies never;
    }
  }

  /** Takes in a message for an actor: known, living, fitting its schema, and not for the second time. */
  #take({ from, sequence, path, id, message, refs }: Tell): void {
    if (sequence <= (this.#sequences.get(from) ?? -1)) return;
    this.#sequences.delete(from);
    this.#sequences.set(from, sequence);
    for (const [oldest] of this.#sequences) {
      if (this.#sequences.size <= maxSenders) break;
      this.#sequences.delete(oldest);
    }
    const address = { system: this.home.id, path, id };
    const content = putRefs(message, refs, this.#refOf);
    if (content === undefined) {
      return this.lose(address, message, "invalid", new SluiceError("MESSAGE_INVALID", `from ${from}: it has refs in no place`));
    }
    const actor = this.#actor(path, id);
    if (actor === undefined) return this.lose(address, content.message, "stopped");
    const wrong = actor.schema === undefined ? undefined : mismatch(actor.schema, content.message);
    if (wrong !== undefined) {
      const cause = new SluiceError("MESSAGE_INVALID", `from ${from} to ${path}: ${wrong}`);
      return this.lose(address, content.message, "invalid", cause);
    }
    try {
      (actor.ref as ActorRef<unknown>).tell(content.message);
    } catch (error) {
      this.lose(address, content.message, "full", error);
    }
  }

  #answer(path: string, replyTo: string | undefined): void {
    if (replyTo === undefined) return;
    for (const actor of this.home.actors.values()) {
      if (actor.path !== path || actor.lives === 0) continue;
      try {
        this.#transport.publish(replyTo, sealEnvelope({ kind: "found", from: this.home.id, address: actor.ref.address }));
      } catch (error) {
        this.home.logger({ level: "warn", from: "remote", message: `the answer about ${path} could not be sent`, cause: error });
      }
      return;
    }
  }
}

function outOfRange(name: string, value: unknown): SluiceError {
  return new SluiceError("OPTION_OUT_OF_RANGE", `remote: ${name} is out of range: ${String(value)}`);
}
