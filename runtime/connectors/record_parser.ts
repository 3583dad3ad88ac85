import type { TSchema } from "@sinclair/typebox";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { SourceContext } from "../graph/source.ts";
import { mismatch } from "../../actors/schema_check.ts";
import { checkOneOf } from "./option.ts";

/** What happens to a record that cannot be read: the task fails, or it is left out and counted as `malformedRecords`. */
export type MalformedPolicy = "fail" | "skip";

/** What a source of JSON records can be told. */
export interface RecordOptions<S extends TSchema = TSchema> {
  /** What every record must be like; gives the records their static type, too. */
  readonly schema?: S;
  /**
   * What happens to a record that is no UTF-8, no JSON, against the schema, or too long.
   * @default "fail"
   */
  readonly onMalformed?: MalformedPolicy;
}

/** Checks what a source of JSON records was told. */
export function checkRecordOptions(owner: string, options: RecordOptions): void {
  checkOneOf(owner, "onMalformed", options.onMalformed, ["fail", "skip"]);
}

/** Why some bytes are no record. */
export class Malformed {
  readonly reason: string;
  readonly cause: unknown;

  constructor(reason: string, cause?: unknown) {
    this.reason = reason;
    this.cause = cause;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Turns bytes into records, and does with malformed ones what the policy says. */
export class RecordParser {
  readonly #schema: TSchema | undefined;
  readonly #policy: MalformedPolicy;
  readonly #context: SourceContext;
  #skipped = 0;

  constructor(options: RecordOptions, context: SourceContext) {
    this.#schema = options.schema;
    this.#policy = options.onMalformed ?? "fail";
    this.#context = context;
  }

  /** The record, or why there is none. */
  parse(bytes: Uint8Array): unknown {
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch (error) {
      return new Malformed("it is not UTF-8", error);
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return new Malformed(`it is not JSON (${messageOf(error)})`, error);
    }
    return this.check(value);
  }

  /** The value if it fits the schema, or why it does not. */
  check(value: unknown): unknown {
    if (this.#schema === undefined) return value;
    const wrong = mismatch(this.#schema, value);
    return wrong === undefined ? value : new Malformed(`it does not fit the schema: ${wrong}`);
  }

  /** Fails, or counts the record and goes on. `place` names file and position. */
  reject(place: string, { reason, cause }: Malformed): void {
    const { uid, log } = this.#context;
    if (this.#policy === "fail") {
      throw new SluiceError(
        "RECORD_MALFORMED",
        `source ${uid}: ${place} cannot be read: ${reason}; mend it, or set onMalformed: "skip"`,
        { cause },
      );
    }
    this.#context.count("malformedRecords", 1);
    if (this.#skipped++ > 0) return;
    log({
      level: "warn",
      from: uid,
      message: `skips ${place}: ${reason}; further ones are only counted, as malformedRecords`,
      cause,
    });
  }
}
