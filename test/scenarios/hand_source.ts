import type { PollResult, Source, SourceContext, SourceOutput, Split, SplitReader } from "../../mod.ts";

/** Where a record comes from: a number within its split. */
export interface Numbered {
  readonly split: string;
  readonly n: number;
  readonly at: number;
}

/**
 * A source whose records a test lets go by hand: `give` makes some more of them due, `end` says that no more come. What was
 * given stays given through every restart.
 */
export class HandSource implements Source<Numbered, number> {
  readonly kind = "by hand";
  readonly bounded = true;
  readonly #given = new Map<string, number>();
  readonly #readers = new Set<SourceContext>();
  #ended = false;
  /** Where each split was opened, by attempt. */
  readonly opened: { readonly split: string; readonly position: number }[] = [];

  constructor(...splits: string[]) {
    for (const split of splits) this.#given.set(split, 0);
  }

  /** Lets the next `count` records of every split, or of the one named, go. */
  give(count: number, split?: string): void {
    for (const [id, given] of this.#given) if (split === undefined || id === split) this.#given.set(id, given + count);
    this.#wake();
  }

  /** No more records than were given. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** All records that were given. */
  get records(): string[] {
    return [...this.#given].flatMap(([split, given]) => Array.from({ length: given }, (_, n) => `${split}.${n}`)).sort();
  }

  splits(): readonly Split[] {
    return [...this.#given.keys()].map((id) => ({ id }));
  }

  open(split: Split, position: number | undefined, context: SourceContext): SplitReader<Numbered, number> {
    this.#readers.add(context);
    this.opened.push({ split: split.id, position: position ?? 0 });
    let next = position ?? 0;
    return {
      poll: (output: SourceOutput<Numbered>, maxRecords: number): PollResult => {
        const given = this.#given.get(split.id) as number;
        for (let i = 0; i < maxRecords; i++) {
          if (next === given) return this.#ended ? "ended" : "waiting";
          const n = next++;
          if (!output.emitAt({ split: split.id, n, at: n * 10 }, n * 10)) return "more";
        }
        return "more";
      },
      position: () => next,
      close: () => {
        this.#readers.delete(context);
      },
    };
  }

  #wake(): void {
    for (const context of this.#readers) context.wake();
  }
}

/** A record as a test compares it. */
export function nameOf({ split, n }: Numbered): string {
  return `${split}.${n}`;
}
