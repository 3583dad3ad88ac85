import type { Clock, Timer } from "../../actors/clock.ts";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import type { KeyValue, KeyValueEntry } from "../../actors/key_value.ts";
import type { Subscription } from "../../actors/transport.ts";
import { type LeaseEvent, type LeaseState, newLease, type SeenLease, stepLease } from "./lease.ts";
import { leaseKey } from "./names.ts";

/** What a {@link LeaseKeeper} is made from. */
export interface LeaseKeeperOptions {
  readonly keyValue: KeyValue;
  readonly clock: Clock;
  readonly me: string;
  readonly leaseMs: number;
  readonly connected: () => boolean;
  readonly took: (term: number) => void;
  readonly lost: () => void;
}

/** Carries out what {@link stepLease} decides, on the store and the clock. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #state: LeaseState;
  #timer: Timer | undefined;
  #watch: Subscription | undefined;
  #closed = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#state = newLease(options.me, options.leaseMs, options.clock.monotonic());
    // The watch only makes it quicker: each tick looks by itself.
    options.keyValue.watch(leaseKey, (change) => {
      if (change.kind === "put") this.#step({ kind: "seen", lease: leaseOf(change.entry) });
      else this.#step({ kind: "seen", lease: undefined, deleted: change.revision });
    }).then((watch) => this.#closed ? watch.unsubscribe() : this.#watch = watch, () => {});
    this.#tick();
  }

  /** Looks at once whether another one has taken the lease; settles when that is known, and `lost` was called if so. */
  async look(): Promise<void> {
    const entry = await this.#options.keyValue.get(leaseKey);
    this.#step({ kind: "seen", lease: entry === undefined ? undefined : leaseOf(entry) });
  }

  /** Gives the lease up, so that another one need not wait for its end. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#watch?.unsubscribe();
    const { seen, term } = this.#state;
    if (term !== 0 && seen !== undefined) await this.#options.keyValue.delete(leaseKey, seen.revision).catch(() => false);
  }

  #tick(): void {
    if (this.#closed) return;
    const { clock, leaseMs, connected } = this.#options;
    this.#step({ kind: "tick", connected: connected() });
    this.#timer = clock.setTimer(Math.max(1, leaseMs / 16), () => this.#tick());
  }

  #step(event: LeaseEvent): void {
    if (this.#closed) return;
    const { keyValue, clock, me, took, lost } = this.#options;
    for (const action of stepLease(this.#state, event, clock.monotonic())) {
      switch (action.kind) {
        case "look":
          keyValue.get(leaseKey).then(
            (entry) => this.#step({ kind: "seen", lease: entry === undefined ? undefined : leaseOf(entry) }),
            () => this.#step({ kind: "unknown" }),
          );
          break;
        case "write":
          keyValue.put(leaseKey, encodeValue({ holder: me, term: action.term }), action.expected).then(
            (revision) => this.#step({ kind: "written", revision }),
            () => this.#step({ kind: "unknown" }),
          );
          break;
        case "took":
          took(action.term);
          break;
        case "lost":
          lost();
          break;
        default:
          action satisfies never;
      }
    }
  }
}

/** What cannot be read is held by nobody who renews it. */
function leaseOf({ revision, value }: KeyValueEntry): SeenLease {
  const decoded = decodeValue(value);
  const { holder, term } = Object(decoded.kind === "value" ? decoded.value : undefined) as Partial<SeenLease>;
  return { revision, holder: typeof holder === "string" ? holder : "", term: typeof term === "number" ? term : 0 };
}
