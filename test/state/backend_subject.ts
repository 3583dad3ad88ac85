import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { type Key, keyGroupOf, keyIdentity, rangeOf } from "../../runtime/graph/key.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import type { KeyedDescriptors, StateHandles } from "../../runtime/state/descriptor.ts";
import { Invocation } from "../../runtime/state/invocation.ts";
import type { KeyedBackendOptions, KeyedStateBackend } from "../../runtime/state/keyed_backend.ts";
import { restorable } from "../operators/fake_context.ts";

/** Makes a backend to test. */
export type Make = (options: KeyedBackendOptions) => KeyedStateBackend;

export const keyGroupCount = 16;

/** One subtask's backend, with handles and a current key. */
export class Subject<D extends KeyedDescriptors> {
  readonly backend: KeyedStateBackend;
  readonly invocation: Invocation;
  readonly state: StateHandles<D>;
  readonly #subtask: number;

  constructor(
    make: Make,
    descriptors: D,
    options: Partial<KeyedBackendOptions> & { subtask?: number; parallelism?: number } = {},
  ) {
    const { subtask = 0, parallelism = 1, ...rest } = options;
    const range = rangeOf(subtask, parallelism, keyGroupCount);
    this.#subtask = subtask;
    this.backend = make({ uid: "totals", range, keyGroupCount, ...rest });
    this.backend.declare(descriptors);
    this.invocation = new Invocation("totals");
    this.state = this.backend.bind<D>(this.invocation);
  }

  at(key: Key): StateHandles<D> {
    this.invocation.about(key, keyIdentity(key)).begin(keyGroupOf(key, keyGroupCount), 0);
    return this.state;
  }

  snapshot(): RestoredPart[] {
    return restorable([this.backend.snapshot({})], this.#subtask);
  }
}

/** Expects a refusal. */
export function fails(code: string, pattern: RegExp, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, code);
    assert.match((error as SluiceError).message, pattern);
    return true;
  });
}
