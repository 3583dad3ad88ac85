import type { TSchema } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import { defaultKeyGroups } from "../graph/key.ts";
import type { DeclaredState, LogicalEdge, LogicalGraph, LogicalOperator, LogicalRole } from "../graph/logical.ts";
import { loopsOf } from "../graph/loops.ts";
import type { OperatorFactory } from "../graph/operator.ts";
import { checkParallelism, checkUid, type OperatorOptions } from "./operator_options.ts";
import type { Tap } from "./tap.ts";

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
  #built = false;

  constructor(job: string) {
    this.#job = job;
  }

  /**
   * Adds an operator behind the given taps; without a uid it is named after the nearest named operator above it.
   *
   * @throws {SluiceError} `DUPLICATE_UID`, `BAD_UID`, `BAD_PARALLELISM`; `JOB_DEFINITION` after {@link build}
   */
  add(
    uid: string | undefined,
    kind: string,
    role: LogicalRole,
    taps: readonly Tap[],
    options: OperatorOptions & { readonly emits?: TSchema | undefined } = {},
  ): string {
    const place = callPlace();
    if (this.#built) {
      throw new SluiceError(
        "JOB_DEFINITION",
        `job ${this.#job}: ${kind}${place} was added after the job's definition had returned; it would not be part of the job`,
      );
    }
    const id = uid ?? this.#derivedId(kind, taps);
    if (uid !== undefined) checkUid(`job ${this.#job}: the uid of ${kind}${place}`, uid);
    const taken = this.#drafts.get(id);
    if (taken !== undefined) {
      throw new SluiceError(
        "DUPLICATE_UID",
        `job ${this.#job}: the uid "${id}" of ${kind}${place} is already that of ${taken.kind}${taken.place}; ` +
          `give each operator its own`,
      );
    }
    const { parallelism, emits } = options;
    checkParallelism(`job ${this.#job}: ${kind} "${id}"${place}`, parallelism);
    this.#drafts.set(id, { id, named: uid !== undefined, kind, role, parallelism, place, emits });
    this.#connect(taps, id, false);
    return id;
  }

  /** Lets the taps lead back to an operator that was added before: the head of their loop. */
  feedBack(taps: readonly Tap[], head: string): void {
    this.#connect(taps, head, true);
  }

  /** What went wrong where the user's code calls now. */
  mistake(problem: string): SluiceError {
    return new SluiceError("JOB_DEFINITION", `job ${this.#job}${callPlace()}: ${problem}`);
  }

  /** Says what an operator emits. */
  setSchema(id: string, schema: TSchema): void {
    const draft = this.#drafts.get(id);
    if (draft !== undefined) draft.emits = schema;
  }

  /**
   * The graph; nothing can be added afterwards.
   *
   * @throws {SluiceError} `BAD_GRAPH` for a job without sources, with a stream that leads nowhere, or with loops in each other
   */
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
    this.#built = true;
    const operators: LogicalOperator[] = drafts.map(({ place: _, ...operator }) => operator);
    const graph: LogicalGraph = { name: this.#job, operators, edges: this.#edges, keyGroups };
    const loops = loopsOf(graph);
    if (loops.kind === "refused") throw new SluiceError("BAD_GRAPH", `job ${this.#job}: ${loops.problem}`);
    return graph;
  }

  #connect(taps: readonly Tap[], to: string, feedback: boolean): void {
    for (const { from, partitioner, mode, timed, side, port } of taps) {
      const pair = `${from}->${to}`;
      const twins = this.#edges.filter((edge) => edge.from === from && edge.to === to).length;
      const id = twins === 0 ? pair : `${pair}#${twins + 1}`;
      this.#edges.push({ id, from, to, partitioner, mode, timed, side, port, ...(feedback ? { feedback } : {}) });
    }
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
}

/** The role of an operator made by a factory; a `head` is the first of its task. */
export function transform<In, Out>(
  create: OperatorFactory<In, Out>,
  head: boolean,
  states?: Readonly<Record<string, DeclaredState>>,
): LogicalRole {
  return { kind: "transform", create: create as unknown as OperatorFactory<never>, head, states };
}

/** Where in the user's code an operator was added, for messages; "" where the engine does not say. */
function callPlace(): string {
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  const own = frames.find((frame) => /:\d+:\d+/.test(frame) && !/runtime[\\/]job[\\/]/.test(frame));
  const place = own?.match(/([^\\/\s(]+:\d+):\d+\)?$/)?.[1];
  return place === undefined ? "" : ` (${place})`;
}
