import { randomBytes } from "node:crypto";
import type { Random } from "./random.ts";
import { SeededRandom } from "./seeded_random.ts";

/** Real chance: a {@link SeededRandom} whose seed of 128 bits comes from the machine. For identifiers, not for secrets. */
export function systemRandom(): Random {
  return new SeededRandom(randomBytes(16).toString("hex"));
}
