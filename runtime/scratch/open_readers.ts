import type { OpenReader, StoreReader } from "../graph/ordered_store.ts";
import { failure } from "./failing.ts";

/** Who reads a store, and whether it is closed: its files go when it is, and nobody reads them any more. */
export class OpenReaders {
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

  /** A reader of its own, over one that does not ask whether the store is closed. */
  open(reader: StoreReader): OpenReader {
    this.#open++;
    let open = true;
    const opened = (): StoreReader => {
      if (open) return reader;
      throw failure(`read ${this.#path}`, "the reader is closed");
    };
    return {
      get: (key) => opened().get(key),
      range: (from, to, most) => opened().range(from, to, most),
      close: () => {
        if (!open) return;
        open = false;
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
