import { SluiceError } from "../../actors/error.ts";

function outOfRange(owner: string, name: string, value: unknown, wanted: string): never {
  throw new SluiceError("OPTION_OUT_OF_RANGE", `${owner}: ${name} must be ${wanted}, not ${String(value)}`);
}

/** Checks an option that is a whole number of at least `minimum`, if it was given. */
export function checkWhole(owner: string, name: string, value: number | undefined, minimum: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= minimum)) return;
  outOfRange(owner, name, value, `a whole number of at least ${minimum}`);
}

/** Checks an option that is a finite number above 0, if it was given. */
export function checkPositive(owner: string, name: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value > 0)) return;
  outOfRange(owner, name, value, "a number above 0");
}

/** Checks an option that is one of a few words, if it was given. */
export function checkOneOf(owner: string, name: string, value: string | undefined, words: readonly string[]): void {
  if (value === undefined || words.includes(value)) return;
  outOfRange(owner, name, value, words.map((word) => `"${word}"`).join(" or "));
}

/** Checks an option that is a function. */
export function checkFunction(owner: string, name: string, value: unknown): void {
  if (typeof value === "function") return;
  outOfRange(owner, name, value, "a function");
}

/** Checks an argument that is a path or a name: a text that is not empty. */
export function checkText(owner: string, name: string, value: unknown): void {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return;
  outOfRange(owner, name, typeof value === "string" ? JSON.stringify(value) : value, "a text that is not empty");
}
