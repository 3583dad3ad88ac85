import type { Asking } from "./ask.ts";
import type { DeadLetter } from "./dead_letter.ts";
import type { Logger } from "./logger.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import type { ActorSystem } from "./system.ts";

/** What all actors of a system share. */
export interface Home extends Asking {
  readonly id: string;
  readonly system: ActorSystem;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  deadLetter(letter: DeadLetter): void;
}
