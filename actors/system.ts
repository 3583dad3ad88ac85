import type { Factory, SpawnOptions, StopReason } from "./behavior.ts";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";
import type { ActorRef } from "./ref.ts";

export interface ActorSystem extends AsyncDisposable {
  readonly clock: Clock;
  readonly random: Random;
  spawn<M>(name: string, factory: Factory<M>, options?: SpawnOptions): ActorRef<M>;
  stop(ref: ActorRef<never>): Promise<void>;
  whenStopped(ref: ActorRef<never>): Promise<StopReason>;
  shutdown(): Promise<void>;
}
