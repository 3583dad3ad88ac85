import type { Clock } from "../../actors/clock.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Transport } from "../../actors/transport.ts";
import type { Random } from "../../actors/random.ts";
import { Answer, openMessage, protocolVersion, type Question, type Request, sealMessage } from "./message.ts";
import { checkClusterName, clientSubject } from "./names.ts";

/** An answer for good. */
export type Answered = Exclude<Answer, { readonly kind: "pending" }>;

/** How a client reaches a cluster. */
export interface ClusterClient {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Names questions. */
  readonly random: Random;
  readonly cluster: string;
  /** How long to ask again while nobody answers, in milliseconds. @default 15,000 */
  readonly patienceMs?: number;
  /** How long one try may take, in milliseconds. @default 2,000 */
  readonly tryMs?: number;
}

/**
 * Asks whoever coordinates the cluster, again and again while nobody answers, as during a change of coordinators, and for as long
 * as it is said that the answer takes its time.
 *
 * @throws {SluiceError} `BAD_NAME`; `NO_COORDINATOR` when nobody answers in time; `PROTOCOL_DIFFERS`
 */
export async function ask(
  { transport, clock, random, cluster, patienceMs = 15_000, tryMs = 2_000 }: ClusterClient,
  request: Request,
): Promise<Answered> {
  checkClusterName("cluster", cluster);
  const question: Question = { version: protocolVersion, id: random.id(), ...request };
  let until = clock.monotonic() + patienceMs;
  let reason = "nobody answered";
  for (;;) {
    try {
      const bytes = await transport.request(clientSubject(cluster), sealMessage(question), tryMs);
      const opened = openMessage(Answer, bytes, transport.maxPayloadBytes);
      const early = opened.kind === "message" && opened.message.kind === "refused" && opened.message.code === "NOT_READY";
      const pending = opened.kind === "message" && opened.message.kind === "pending";
      if (opened.kind === "message" && opened.message.kind !== "pending" && !early) return opened.message;
      if (pending) until = clock.monotonic() + patienceMs;
      if (opened.kind === "corrupt" && opened.foreign) {
        throw new SluiceError("PROTOCOL_DIFFERS", `cluster ${cluster}: ${opened.reason}`);
      }
      reason = opened.kind === "corrupt" ? opened.reason : "the coordinator is not ready";
    } catch (cause) {
      if (!(cause instanceof SluiceError) || cause.code !== "REQUEST_TIMEOUT") throw cause;
    }
    if (clock.monotonic() >= until) {
      throw new SluiceError("NO_COORDINATOR", `cluster ${cluster}: ${reason}; is a coordinator running under this name?`);
    }
    await new Promise<void>((resolve) => void clock.setTimer(Math.min(100, tryMs), resolve));
  }
}
