import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { value } from "../../runtime/state/descriptor.ts";
import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { Invocation } from "../../runtime/state/invocation.ts";

const invocations = suite("invocation");

invocations("when serials start again, no handle takes an old run's entry for that of the present key", () => {
  const backend = new HeapKeyedStateBackend({ uid: "op", range: { first: 0, last: 0 }, keyGroupCount: 1 });
  const descriptors = { often: value(Type.Number(), 0), rarely: value(Type.Number(), 0) };
  backend.declare(descriptors);
  const invocation = new Invocation("op", 5);
  const { often, rarely } = backend.bind<typeof descriptors>(invocation);
  for (let n = 0; n < 100; n++) {
    invocation.about(`key-${n}`, `key-${n}`).begin(0, 0);
    often.set(n);
    // Used once in exactly as many runs as there are serials.
    if (n % 5 === 0) rarely.set(rarely.get() + 1);
    invocation.end();
  }
  for (let n = 0; n < 100; n++) {
    invocation.about(`key-${n}`, `key-${n}`).begin(0, 0);
    assert.is(often.get(), n);
    assert.is(rarely.get(), n % 5 === 0 ? 1 : 0);
  }
});

invocations.run();
