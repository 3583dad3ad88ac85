import type { Operator } from "../graph/operator.ts";
import { ChainLink, type LinkPlace, type Next } from "./chain.ts";

/*
 * One class for each of the frequent kinds of operators, all of them the same to the letter: an engine keeps what it has learned
 * about a call by its place in the source. With one `collect` for all, each call in a chain could be to any kind; with one for
 * each, it is to one, and whole chains are compiled into one piece.
 */

class MapLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

class FilterLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

class FlatMapLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

class ProcessLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

class WindowLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

class WatermarkLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

class SinkLink extends ChainLink {
  override collect(value: unknown): void {
    try {
      this.operator.process(value);
    } catch (error) {
      throw this.failed(error, value);
    }
  }
}

const kinds: ReadonlyMap<string, typeof ChainLink> = new Map([
  ["map", MapLink],
  ["filter", FilterLink],
  ["flatMap", FlatMapLink],
  ["process", ProcessLink],
  ["aggregate", ProcessLink],
  ["window", WindowLink],
  ["watermarks", WatermarkLink],
  ["sink", SinkLink],
]);

/** The place of an operator in a chain, in the class of its kind. */
export function linkOfKind(place: LinkPlace, operator: Operator, out: Next): ChainLink {
  return new (kinds.get(place.kind) ?? ChainLink)(place, operator, out);
}
