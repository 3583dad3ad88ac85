import type { TSchema } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import { defaultKeyGroups, type Key } from "../graph/key.ts";
import type { EdgeMode, LogicalEdge, LogicalGraph, LogicalOperator, LogicalRole, Partitioner } from "../graph/logical.ts";
import { maxParallelism } from "../graph/parallelism.ts";

/** One way by which records reach the next operator: from which operator, and how they are dealt out. */
export interface Tap {
  readonly from: string;
  readonly partitioner: Partitioner;
  readonly mode: EdgeMode;
  readonly timed: boolean;
}

/** What every operator can be given. */
export interface OperatorOptions {
  /**
   * Its subtasks: a whole number from 1, and at most the job's key groups where records come by key.
   * @default that of the job
   */
  readonly parallelism?: number;
}

interface Draft {
  readonly id: string;
  readonly named: boolean;
  readonly kind: string;
  readonly role: LogicalRole;
  readonly parallelism: number | undefined;
  readonly place: string;
  emits: TSchema | undefined;
}

/** Collects the operators and edges of one job, and checks them. */
export class GraphBuilder {
  readonly #job: string;
  readonly #drafts = new Map<string, Draft>();
  readonly #edges: LogicalEdge[] = [];
  readonly #ordinals = new Map<string, number>();

  constructor(job: string) {
    this.#job = job;
  }

  /**
   * Adds an operator behind the given taps; without a uid it is named after the nearest named operator above it.
   *
   * @throws {SluiceError} `DUPLICATE_UID`, `BAD_UID`, `BAD_PARALLELISM`
   */
  add(
    uid: string | undefined,
    kind: string,
    role: LogicalRole,
    taps: readonly Tap[],
    options: OperatorOptions & { readonly emits?: TSchema | undefined } = {},
  ): string {
    const id = uid ?? this.#derivedId(kind, taps);
    if (uid !== undefined) this.#checkUid(uid, kind);
    const place = callPlace();
    const taken = this.#drafts.get(id);
    if (taken !== undefined) {
      throw new SluiceError(
        "DUPLICATE_UID",
        `job ${this.#job}: the uid "${id}" of ${kind}${place} is already that of ${taken.kind}${taken.place}; ` +
          `give each operator its own`,
      );
    }
    const { parallelism, emits } = options;
    if (parallelism !== undefined && !(Number.isInteger(parallelism) && parallelism >= 1 && parallelism <= maxParallelism)) {
      throw new SluiceError(
        "BAD_PARALLELISM",
        `job ${this.#job}: the parallelism of ${kind} "${id}" must be a whole number from 1 to ${maxParallelism}, ` +
          `not ${parallelism}`,
      );
    }
    this.#drafts.set(id, { id, named: uid !== undefined, kind, role, parallelism, place, emits });
    for (const { from, partitioner, mode, timed } of taps) {
      const pair = `${from}->${id}`;
      const twins = this.#edges.filter((edge) => edge.from === from && edge.to === id).length;
      this.#edges.push({ id: twins === 0 ? pair : `${pair}#${twins + 1}`, from, to: id, partitioner, mode, timed });
    }
    return id;
  }

  /** Says what an operator emits. */
  setSchema(id: string, schema: TSchema): void {
    const draft = this.#drafts.get(id);
    if (draft !== undefined) draft.emits = schema;
  }

  /** @throws {SluiceError} `BAD_GRAPH` for a job without sources, or with a stream that leads nowhere */
  build(keyGroups: number = defaultKeyGroups): LogicalGraph {
    const drafts = [...this.#drafts.values()];
    if (!drafts.some(({ role }) => role.kind === "source")) {
      throw new SluiceError("BAD_GRAPH", `job ${this.#job} reads from no source: begin with flow.from(uid, source)`);
    }
    for (const { id, kind, role, place } of drafts) {
      if (role.kind !== "sink" && !this.#edges.some((edge) => edge.from === id)) {
        throw new SluiceError(
          "BAD_GRAPH",
          `job ${this.#job}: what ${kind} "${id}"${place} gives goes nowhere: end it with .to(uid, sink)`,
        );
      }
    }
    const operators: LogicalOperator[] = drafts.map(({ place: _, ...operator }) => operator);
    return { name: this.#job, operators, edges: this.#edges, keyGroups };
  }

  #derivedId(kind: string, taps: readonly Tap[]): string {
    let above = taps[0]?.from ?? "";
    while (above !== "" && this.#drafts.get(above)?.named === false) {
      above = this.#edges.find((edge) => edge.to === above)?.from ?? "";
    }
    const base = `${above}/${kind}`;
    const ordinal = (this.#ordinals.get(base) ?? 0) + 1;
    this.#ordinals.set(base, ordinal);
    return `${base}#${ordinal}`;
  }

  #checkUid(uid: string, kind: string): void {
    if (typeof uid === "string" && /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(uid)) return;
    throw new SluiceError(
      "BAD_UID",
      `job ${this.#job}: the uid of ${kind} must have 1 to 64 letters, digits, spaces, ".", "_" or "-", not ${
        JSON.stringify(uid)
      }`,
    );
  }
}

/** The same taps, dealt out by key. */
export function byKey(taps: readonly Tap[], keyOf: (value: never) => Key): readonly Tap[] {
  return taps.map((tap) => ({ ...tap, partitioner: { kind: "keyBy", keyOf } }));
}

/** Where in the user's code an operator was added, for messages; "" where the engine does not say. */
function callPlace(): string {
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  const own = frames.find((frame) => /:\d+:\d+/.test(frame) && !/runtime[\\/]job[\\/]/.test(frame));
  const place = own?.match(/([^\\/\s(]+:\d+):\d+\)?$/)?.[1];
  return place === undefined ? "" : ` (${place})`;
}
