import type { TSchema } from "@sinclair/typebox";
import { type Asking, refuseQuestion } from "./ask.ts";
import type { DeadLetter, DeadLetterReason } from "./dead_letter.ts";
import { SluiceError } from "./error.ts";
import type { Logger } from "./logger.ts";
import type { Random } from "./random.ts";
import type { ActorRef } from "./ref.ts";
import type { Scheduler } from "./scheduler.ts";
import type { ActorSystem } from "./system.ts";
import type { Watched } from "./watch.ts";

/** What all actors of a system share. */
export interface Home extends Asking {
  readonly id: string;
  readonly system: ActorSystem;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** Those that have not stopped for good, by their id. */
  readonly actors: Map<number, HomeActor>;
  deadLetter(letter: DeadLetter): void;
}

/** An actor of this system, as others than its supervisor see it. */
export interface HomeActor {
  readonly path: string;
  readonly ref: ActorRef<never>;
  readonly lives: number;
  readonly schema: TSchema | undefined;
  readonly watchers: Watched;
}

/** Sends a message to dead letters; if it is a question, its asker learns why. */
export function sendDeadLetter(
  home: Pick<Home, "deadLetter">,
  to: { toString(): string },
  message: unknown,
  reason: DeadLetterReason,
  cause?: unknown,
): void {
  refuseQuestion(message, cause ?? new SluiceError("DEAD_LETTER", `${to}: ${reason}`));
  home.deadLetter({ message, to: String(to), reason, ...(cause === undefined ? {} : { cause }) });
}
