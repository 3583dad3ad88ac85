/** Things outside the job's processes that a simulated run has, such as a database: made when first asked for, once for the run. */
export class Outside {
  readonly #things = new Map<string, unknown>();

  of<T>(name: string, make: () => T): T {
    if (!this.#things.has(name)) this.#things.set(name, make());
    return this.#things.get(name) as T;
  }

  /** Everything, by name. */
  all(): ReadonlyMap<string, unknown> {
    return this.#things;
  }
}
