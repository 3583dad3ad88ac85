/** What a plan of a restore from another process must look like. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { RestorePlan } from "../master/restore_plan.ts";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const orNothing = <S extends TSchema>(schema: S) => Type.Union([Type.Undefined(), schema]);

const Action = Type.Union([
  Type.Literal("restored"),
  Type.Literal("converted"),
  Type.Literal("starts empty"),
  Type.Literal("dropped"),
  Type.Literal("refused"),
]);

export const RestorePlanSchema = Type.Object({
  location: Type.String(),
  checkpoint: Count,
  job: Type.String(),
  operators: Type.Array(Type.Object({
    uid: Type.String(),
    action: Action,
    oldParallelism: orNothing(Count),
    parallelism: orNothing(Count),
    stateBytes: Count,
    states: Type.Array(Type.Object({ name: Type.String(), action: Action, note: orNothing(Type.String()) })),
  })),
  edges: Type.Array(Type.Object({ id: Type.String(), action: Action, records: Count, note: orNothing(Type.String()) })),
  problems: Type.Array(Type.String()),
  warnings: Type.Array(Type.String()),
});

/** The schema says what the interface says: the compiler holds it. */
export const fits: (read: Static<typeof RestorePlanSchema>) => RestorePlan = (read) => read;
