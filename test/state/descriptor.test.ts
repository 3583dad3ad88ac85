import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { list, map, replicate, split, type StateHandles, type, value } from "../../runtime/state/descriptor.ts";
import type { ListState, MapState, ValueState } from "../../runtime/state/handle.ts";

const descriptors = suite("state descriptors");

const Payment = Type.Object({ at: Type.Number(), tags: Type.Array(Type.String()) });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function holds<_T extends true>(): void {}

descriptors("schemas and type tokens give the static types of the handles", () => {
  const state = {
    total: value(Type.Number(), 0),
    last: value(type<{ at: number } | undefined>(), undefined),
    recent: list(Payment),
    byCity: map(Type.Integer()),
    byPair: map(Type.Tuple([Type.String(), Type.Number()]), type<Date>()),
    open: split(type<string>()),
    weights: replicate(Type.Array(Type.Number()), [0, 0]),
  };
  type Handles = StateHandles<typeof state>;
  holds<Same<Handles["total"], ValueState<number>>>();
  holds<Same<Handles["last"], ValueState<{ at: number } | undefined>>>();
  holds<Same<Handles["recent"], ListState<{ at: number; tags: string[] }>>>();
  holds<Same<Handles["byCity"], MapState<string, number>>>();
  holds<Same<Handles["byPair"], MapState<[string, number], Date>>>();
  holds<Same<Handles["open"], ListState<string>>>();
  holds<Same<Handles["weights"], ValueState<number[]>>>();

  const use = (handles: Handles) => {
    // @ts-expect-error a value that was handed out cannot be changed
    handles.recent.get()[0]!.tags.push("x");
    // @ts-expect-error the value has the schema's type
    handles.total.set("1");
    handles.recent.add(handles.recent.get()[0]!);
    handles.weights.set([...handles.weights.get(), 1]);
  };
  assert.type(use, "function");
  assert.is(state.total.initial, 0);
  assert.is(state.recent.schema, Payment);
  assert.is(state.last.schema, undefined);
});

descriptors("an initial value that does not match its schema is refused with the field", () => {
  // @ts-expect-error the compiler refuses it, too
  const wrong = () => value(Type.Object({ count: Type.Number() }), { count: "none" });
  assert.throws(
    wrong,
    (error: unknown) => error instanceof SluiceError && error.code === "STATE_INITIAL" && /\/count/.test(error.message),
  );
});

descriptors("a schema with a format that nobody registered is no obstacle", () => {
  assert.is(value(Type.String({ format: "nowhere-registered" }), "x").initial, "x");
});

descriptors.run();
