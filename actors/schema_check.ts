import { type TSchema, TypeBoxError } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";

/**
 * What is wrong with a value by its schema: `<field>: <reason>`, or undefined when nothing is.
 *
 * String formats that nobody registered, and schemas of kinds that TypeBox cannot check, pass: what cannot be judged is not
 * refused.
 */
export function mismatch(schema: TSchema, value: unknown): string | undefined {
  try {
    if (Value.Check(schema, value)) return undefined;
    for (const error of Value.Errors(schema, value)) {
      if (error.type === ValueErrorType.StringFormatUnknown) continue;
      return `${error.path === "" ? "the value" : `field ${error.path}`}: ${error.message.toLowerCase()}`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof TypeBoxError) return undefined;
    throw error;
  }
}
