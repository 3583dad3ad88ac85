import type { StoreReader, StoreView } from "../graph/ordered_store.ts";
import { failure } from "./failing.ts";

/** What reads a store at some time, and whether the store is closed: its files go when it is, and nobody reads them any more. */
export class OpenViews {
  readonly #path: string;
  readonly #end: () => void;
  #open = 0;
  #closing = false;

  /** @param end closes what is below, once */
  constructor(path: string, end: () => void) {
    this.#path = path;
    this.#end = end;
  }

  /** @throws {SluiceError} `STATE_BACKEND_FAILED` when the store is closed */
  assertOpen(): void {
    if (this.#closing) throw failure(`use ${this.#path}`, "it is closed");
  }

  /** A view that reads with `reader` until it is closed; `done` gives back what it holds. */
  view(reader: StoreReader, done: () => void): StoreView {
    this.#open++;
    let open = true;
    const opened = (): StoreReader => {
      if (open) return reader;
      throw failure(`read ${this.#path}`, "the view is closed");
    };
    return {
      get: (key) => opened().get(key),
      range: (from, to, most) => opened().range(from, to, most),
      close: () => {
        if (!open) return;
        open = false;
        done();
        this.#open--;
        if (this.#closing && this.#open === 0) this.#end();
      },
    };
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#open === 0) this.#end();
  }
}
