/** One change of a source file. */
export interface Edit {
  /** From the project's folder. */
  readonly file: string;
  /** The exact source text; it must occur once. */
  readonly find: string;
  readonly replace: string;
}

/** A rule of the protocol taken out of the code by hand. Some test must notice. */
export interface Mutant extends Edit {
  readonly name: string;
  /** What goes wrong then. */
  readonly why: string;
  /** Further changes that belong to it. */
  readonly also?: readonly Edit[];
  /** The test file that kills it where random jobs cannot see it. @default the simulation */
  readonly killer?: string;
  /** The scenario of protocol 14 whose own test must fail; whatever else fails in the killer does not count. */
  readonly scenario?: number;
}

/** Every change of a mutant. */
export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...mutant.also ?? []];
}

/**
 * The text with the change made.
 *
 * @throws {RangeError} when what is to be replaced does not stand there exactly once: the mutant must be written anew
 */
export function mutated(text: string, { file, find, replace }: Edit): string {
  const at = text.indexOf(find);
  if (at < 0) throw new RangeError(`${file} no longer holds:\n${find}`);
  if (text.indexOf(find, at + 1) >= 0) throw new RangeError(`${file} holds more than once:\n${find}`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}
