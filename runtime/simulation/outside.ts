interface Thing {
  readonly value: unknown;
  readonly view: (value: never) => unknown;
}

/**
 * Things outside the job's processes that a simulated run has, such as a database: made when first asked for, once for the run.
 */
export class Outside {
  readonly #things = new Map<string, Thing>();

  of<T>(name: string, make: () => T, view: (value: T) => unknown): T {
    let thing = this.#things.get(name);
    if (thing === undefined) this.#things.set(name, thing = { value: make(), view });
    return thing.value as T;
  }

  /** Everything, by name. */
  all(): ReadonlyMap<string, unknown> {
    return new Map([...this.#things].map(([name, { value }]) => [name, value]));
  }

  /** What of everything is compared with another run, by name. */
  compared(): ReadonlyMap<string, unknown> {
    return new Map([...this.#things].map(([name, { value, view }]) => [name, view(value as never)]));
  }
}
