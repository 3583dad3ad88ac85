import type { NatsConnection } from "nats";
import { connectNats, type NatsOptions } from "./connect.ts";
import { explainDenial } from "./denial.ts";

/** Where a connector reaches NATS: how to connect, or a connection that stays its maker's. */
export type NatsPlace = NatsOptions | NatsConnection;

/** A hold on a connection; let go of it once. */
export interface ConnectionHold {
  readonly connection: NatsConnection;
  release(): Promise<void>;
}

/**
 * One connection for all readers or writers of a connector in a process: made when the first one needs it, closed when the last
 * one lets go. A connection that was given is never closed.
 */
export class SharedConnection {
  readonly #place: NatsPlace;
  #made: Promise<NatsConnection> | undefined;
  #holds = 0;

  constructor(place: NatsPlace) {
    this.#place = place;
  }

  async hold(): Promise<ConnectionHold> {
    if (isConnection(this.#place)) return { connection: this.#place, release: () => Promise.resolve() };
    this.#holds++;
    const made = this.#made ??= connectNats(this.#place);
    let held = true;
    const release = async (): Promise<void> => {
      if (!held) return;
      held = false;
      if (--this.#holds > 0) return;
      this.#made = undefined;
      await (await made).close();
    };
    try {
      return { connection: await made, release };
    } catch (error) {
      this.#holds--;
      if (this.#made === made) this.#made = undefined;
      throw error;
    }
  }
}

/** Opens something of `who` on a connection, which is let go of again when that fails. What is denied is said as that. */
export async function openOn<T>(
  shared: SharedConnection,
  who: string,
  open: (hold: ConnectionHold) => Promise<T>,
): Promise<T> {
  const hold = await shared.hold();
  try {
    return await open(hold);
  } catch (error) {
    await hold.release();
    throw explainDenial(error, who);
  }
}

function isConnection(place: NatsPlace): place is NatsConnection {
  return typeof (place as Partial<NatsConnection>).jetstream === "function";
}
