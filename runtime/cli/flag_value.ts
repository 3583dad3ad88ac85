/** What flags are followed by, read and checked. */
import { messageOf } from "../../actors/error.ts";
import { InvalidArgumentError } from "commander";
import { parseDuration } from "./duration.ts";

export function wholeNumber(text: string): number {
  if (/^\d+$/.test(text) && Number(text) >= 1) return Number(text);
  throw new InvalidArgumentError("Give a whole number from 1.");
}

export function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
