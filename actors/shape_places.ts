/**
 * Deals places in the source out to the first shapes of records that come. What engines learn they keep by the place in the
 * source, and are quick only at one that always meets the same names: so such code is written out, once for each place.
 */
export class ShapePlaces {
  readonly #count: number;
  readonly #shapes: (readonly string[])[] = [];

  /** @param count how many places there are */
  constructor(count: number) {
    this.#count = count;
  }

  /** The place for records with these fields in this order, from 0; -1 when all have been dealt out to others. */
  of(names: readonly string[]): number {
    const shapes = this.#shapes;
    for (let place = 0; place < shapes.length; place++) {
      const shape = shapes[place] as readonly string[];
      if (shape.length === names.length && shape.every((name, at) => name === names[at])) return place;
    }
    return shapes.length === this.#count ? -1 : shapes.push(names) - 1;
  }
}
