import type { Static, TSchema } from "@sinclair/typebox";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { mismatch } from "../../actors/schema_check.ts";
import { compareSchemas, fillDefaults, sameSchema, type SchemaJson } from "./compare_schemas.ts";

/** One step from values of an older schema to those of the present one. */
export interface Migration<Old, New> {
  /** The schema that the values were written under. */
  readonly from: TSchema;
  /** Pure; the old value must not be changed. */
  readonly migrate: (old: Old) => New;
}

const migrations = new WeakMap<object, readonly Migration<never, unknown>[]>();

/**
 * The schema, and how values that a snapshot holds under an older one become values of it. For every place where a shape is
 * given: states of all kinds, and `emits`.
 *
 * ```ts ignore
 * const Total = migrating(Type.Object({ cents: Type.Integer() }), {
 *   from: Type.Object({ euros: Type.Number() }),
 *   migrate: ({ euros }) => ({ cents: Math.round(euros * 100) }),
 * });
 * ```
 *
 * Several steps may be given by nesting calls. What `migrate` returns must match the schema, else the restore is refused.
 */
export function migrating<S extends TSchema, O extends TSchema>(
  schema: S,
  step: { readonly from: O; readonly migrate: (old: Static<O>) => Static<S> },
): S {
  const copy = { ...schema };
  migrations.set(copy, [...migrations.get(schema) ?? [], step as Migration<never, unknown>]);
  return copy;
}

/** What happens to values that were written under another schema. */
export type Evolution =
  /** They stay as they are. */
  | { readonly kind: "as it is" }
  | {
    readonly kind: "converted";
    /** For people: what is done. */
    readonly how: string;
    /** The new value, or what is wrong with it. */
    readonly convert: (old: unknown) => { readonly value: unknown } | { readonly wrong: string };
  }
  | { readonly kind: "refused"; readonly path: string; readonly reason: string };

/**
 * How values of `old` become values of `now`: by a migration from that very schema, else as they are, else by defaults, else by
 * a migration from a schema that takes them.
 *
 * @param old undefined where there was no schema, and so nothing to compare
 */
export function evolve(old: SchemaJson | undefined, now: TSchema | undefined): Evolution {
  if (old === undefined || now === undefined) return { kind: "as it is" };
  const steps = migrations.get(now) ?? [];
  const exact = sameSchema(old, now) ? undefined : steps.find(({ from }) => sameSchema(old, from));
  if (exact !== undefined) return migrated(exact, now, (value) => value);
  const verdict = compareSchemas(old, now);
  if (verdict.kind === "compatible") return { kind: "as it is" };
  if (verdict.kind === "needs defaults") {
    const how = `default of ${verdict.paths.join(", ")}`;
    return { kind: "converted", how, convert: (value) => ({ value: fillDefaults(old, now, value) }) };
  }
  for (const step of steps) {
    const first = compareSchemas(old, step.from);
    if (first.kind !== "refused") return migrated(step, now, (value) => fillDefaults(old, step.from, value));
  }
  return verdict;
}

function migrated(step: Migration<never, unknown>, now: TSchema, before: (value: unknown) => unknown): Evolution {
  return {
    kind: "converted",
    how: "migrate",
    convert(old) {
      let value: unknown;
      try {
        value = step.migrate(before(old) as never);
      } catch (error) {
        return { wrong: `its migration failed: ${messageOf(error)}` };
      }
      const wrong = mismatch(now, value);
      return wrong === undefined ? { value } : { wrong: `its migration gave what does not match the schema: ${wrong}` };
    },
  };
}

/** For messages: the place in a value, and why. */
export function refusalOf({ path, reason }: { readonly path: string; readonly reason: string }): string {
  return `${path === "" ? "the value" : `field ${path}`}: ${reason}`;
}

/** The refusal of what was written under another schema. */
export function schemaRefused(where: string, why: string): SluiceError {
  return new SluiceError(
    "STATE_MISMATCH",
    `${where} was written under another schema and does not fit the present one: ${why}; change the schema so that it ` +
      `takes the old values, give it a migration (migrating), or start without this state`,
  );
}
