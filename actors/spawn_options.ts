import type { Overflow, SpawnOptions } from "./behavior.ts";
import { SluiceError } from "./error.ts";
import { type Restart, type SupervisionPolicy, supervisionPolicy } from "./supervisor.ts";

/** {@link SpawnOptions}, checked and with defaults. */
export interface CellOptions {
  readonly restart: Restart;
  readonly significant: boolean;
  readonly supervision: SupervisionPolicy;
  readonly capacity: number;
  readonly overflow: Overflow;
  readonly handlerTimeoutMs: number;
  readonly shutdownMs: number;
}

const restarts: readonly Restart[] = ["permanent", "transient", "temporary"];
const overflows: readonly Overflow[] = ["fail", "drop-newest", "drop-oldest"];

/**
 * Fills in the defaults and checks what was given.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`, naming actor and option
 */
export function cellOptions(name: string, options: SpawnOptions, handlerTimeoutMs: number): CellOptions {
  const checked: CellOptions = {
    restart: options.restart ?? "temporary",
    significant: options.significant ?? false,
    supervision: supervisionPolicy(options.supervision),
    capacity: options.capacity ?? 1_000_000,
    overflow: options.overflow ?? "fail",
    handlerTimeoutMs: options.handlerTimeoutMs ?? handlerTimeoutMs,
    shutdownMs: options.shutdownMs ?? 5_000,
  };
  const check = (option: keyof CellOptions, holds: boolean) => {
    if (holds) return;
    throw new SluiceError("OPTION_OUT_OF_RANGE", `actor ${name}: ${option} is out of range: ${String(checked[option])}`);
  };
  check("restart", restarts.includes(checked.restart));
  check("capacity", checked.capacity >= 1);
  check("overflow", overflows.includes(checked.overflow));
  check("handlerTimeoutMs", checked.handlerTimeoutMs > 0);
  check("shutdownMs", checked.shutdownMs >= 0);
  return checked;
}
