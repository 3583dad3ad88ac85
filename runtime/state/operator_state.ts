import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { maxValueDepth } from "../../actors/exactness.ts";
import type { RestoredPart, SnapshotPart } from "../graph/operator.ts";
import { assertStateName, type OperatorDescriptor, type OperatorDescriptors, type StateHandles } from "./descriptor.ts";
import type { ListState, ValueState } from "./handle.ts";
import type { Invocation } from "./invocation.ts";
import { damaged } from "./keyed_part.ts";
import type { MutationGuard } from "./mutation_guard.ts";
import { ReplicatedCell, ReplicatedState } from "./replicated_state.ts";
import type { SchemaJson } from "./compare_schemas.ts";
import { evolve, refusalOf, schemaRefused } from "./migration.ts";
import { SplitCell, SplitState } from "./split_state.ts";

/** Whose state it is. */
export interface OperatorStateOwner {
  readonly uid: string;
  readonly subtask: number;
  readonly parallelism: number;
  /** Development mode, as for keyed state. */
  readonly guard: MutationGuard | undefined;
}

/** What a part holds: the state's content, and how many subtasks wrote one. */
interface Content {
  readonly parallelism: number;
  /** JSON of the schema; "" without one. */
  readonly description: string;
  readonly content: unknown;
}

type Cell =
  | { readonly kind: "split"; readonly descriptor: OperatorDescriptor; readonly cell: SplitCell }
  | { readonly kind: "replicate"; readonly descriptor: OperatorDescriptor; readonly cell: ReplicatedCell };

/** The wrapping nests values a little deeper. */
const partDepth = maxValueDepth + 3;

/**
 * State that belongs to a subtask and not to a key, one part for each declared state.
 *
 * At equal parallelism every subtask gets its own back. Otherwise the items of `split` states are dealt out in turn, in the order
 * of the old subtasks, and a `replicate` state is the one of the lowest old subtask.
 */
export class OperatorState {
  readonly #owner: OperatorStateOwner;
  readonly #cells = new Map<string, Cell>();

  constructor(owner: OperatorStateOwner, descriptors: OperatorDescriptors) {
    this.#owner = owner;
    for (const [name, descriptor] of Object.entries(descriptors)) {
      assertStateName(owner.uid, name);
      const where = `operator ${owner.uid}, state ${name}`;
      if (descriptor.kind === "split") {
        this.#cells.set(name, { kind: "split", descriptor, cell: new SplitCell(where, owner.guard) });
      } else if (descriptor.kind === "replicate") {
        this.#cells.set(name, {
          kind: "replicate",
          descriptor,
          cell: new ReplicatedCell(descriptor.initial, where, owner.guard),
        });
      } else {
        throw new SluiceError(
          "STATE_DESCRIPTOR",
          `state ${name} of operator ${owner.uid} is not declared by split() or replicate(); value(), list() and map() are for ` +
            `keyed streams: put a keyBy before the operator`,
        );
      }
    }
  }

  /** The handles of all states for one invocation. */
  bind<D extends OperatorDescriptors>(invocation: Invocation): StateHandles<D> {
    const handles: Record<string, ListState<unknown> | ValueState<unknown>> = {};
    for (const [name, state] of this.#cells) {
      handles[name] = state.kind === "split"
        ? new SplitState(state.cell, invocation)
        : new ReplicatedState(state.cell, invocation);
    }
    return handles as StateHandles<D>;
  }

  /** @throws {SluiceError} `UNENCODABLE_VALUE` naming operator, state and field */
  snapshot(): SnapshotPart[] {
    const { uid, parallelism } = this.#owner;
    return Array.from(this.#cells, ([name, { kind, descriptor, cell }]) => {
      const description = describe(descriptor);
      return writeOperatorPart(uid, kind, name, { parallelism, description, content: cell.content });
    });
  }

  /**
   * @param parts of all old subtasks
   * @throws {SluiceError} `STATE_UNKNOWN`, `STATE_MISMATCH` or `STATE_DAMAGED`
   */
  restore(parts: readonly RestoredPart[]): void {
    const mine = parts.filter((part) =>
      (part.scope === "split" || part.scope === "replicate") && !part.name.startsWith("~") &&
      !part.dropped?.has(part.name)
    );
    for (const part of mine) this.#assertKnown(part);
    for (const [name, state] of this.#cells) {
      const read = readOperatorParts(this.#owner.uid, mine.filter((part) => part.name === name));
      const contents = new Map(
        [...read].map(([subtask, old]) => [subtask, { ...old, content: this.#evolved(name, state, old) }]),
      );
      if (contents.size === 0) continue;
      if (state.kind === "split") state.cell.content = this.#share(contents);
      else state.cell.content = this.#replica(contents);
    }
  }

  /** This subtask's items of a split state. */
  #share(contents: ReadonlyMap<number, Content>): unknown[] {
    const { subtask, parallelism } = this.#owner;
    const items = (content: Content) => content.content as unknown[];
    if (lowest(contents).parallelism === parallelism) {
      const own = contents.get(subtask);
      return own === undefined ? [] : items(own);
    }
    return [...contents.values()].flatMap(items).filter((_, index) => index % parallelism === subtask);
  }

  #replica(contents: ReadonlyMap<number, Content>): unknown {
    const first = lowest(contents);
    const own = first.parallelism === this.#owner.parallelism ? contents.get(this.#owner.subtask) : undefined;
    return (own ?? first).content;
  }

  #assertKnown(part: RestoredPart): void {
    const { uid } = this.#owner;
    const state = this.#cells.get(part.name);
    if (state === undefined) {
      throw new SluiceError(
        "STATE_UNKNOWN",
        `the snapshot holds state ${part.name} of operator ${uid}, which the operator no longer has; declare it again ` +
          `under the same name, or start without this checkpoint`,
      );
    }
    if (state.kind !== part.scope) {
      throw new SluiceError(
        "STATE_MISMATCH",
        `state ${part.name} of operator ${uid} is declared by ${state.kind}(), but was by ${part.scope}() in the snapshot; ` +
          `declare it as it was, give the new one another name, or start without this checkpoint`,
      );
    }
  }

  /** What was written as what the state takes. */
  #evolved(name: string, state: Cell, { content, description }: Content): unknown {
    const where = `state ${name} of operator ${this.#owner.uid}`;
    if (state.kind === "split" && !Array.isArray(content)) throw damaged(where, "its items are no list");
    if (description === "" || description === describe(state.descriptor)) return content;
    const evolution = evolve(JSON.parse(description) as SchemaJson, state.descriptor.schema);
    if (evolution.kind === "as it is") return content;
    if (evolution.kind === "refused") throw schemaRefused(where, refusalOf(evolution));
    const convert = (value: unknown) => {
      const converted = evolution.convert(value);
      if ("value" in converted) return converted.value;
      throw schemaRefused(where, converted.wrong);
    };
    return state.kind === "split" ? (content as unknown[]).map(convert) : convert(content);
  }
}

/**
 * Writes the part of one operator state. Names with `~` are the runtime's own.
 * @throws {SluiceError} `UNENCODABLE_VALUE` naming operator, state and field
 */
export function writeOperatorPart(uid: string, scope: "split" | "replicate", name: string, content: Content): SnapshotPart {
  const where = `operator ${uid}, state ${name}`;
  let bytes: Uint8Array;
  try {
    bytes = encodeValue(content, where, partDepth);
  } catch (error) {
    encodeValue(content.content, where); // the same refusal, with a path that begins at the state
    throw error;
  }
  return { scope, name, slices: () => [bytes] };
}

/**
 * The parts of one operator state, by old subtask, in ascending order.
 * @throws {SluiceError} `STATE_DAMAGED`
 */
export function readOperatorParts(uid: string, parts: readonly RestoredPart[]): ReadonlyMap<number, Content> {
  const contents = new Map<number, Content>();
  for (const part of [...parts].sort((a, b) => a.subtask - b.subtask)) contents.set(part.subtask, readOperatorPart(uid, part));
  return contents;
}

/** @throws {SluiceError} `STATE_DAMAGED` */
export function readOperatorPart(uid: string, part: Pick<RestoredPart, "name" | "subtask" | "bytes">): Content {
  const { name, subtask, bytes } = part;
  const where = `state ${name} of operator ${uid}, old subtask ${subtask},`;
  const decoded = decodeValue(bytes, { maxBytes: bytes.length, maxDepth: partDepth });
  if (decoded.kind === "corrupt") throw damaged(where, decoded.reason);
  if (!isContent(decoded.value)) throw damaged(where, "it does not hold what a state does");
  return decoded.value;
}

function isContent(value: unknown): value is Content {
  if (typeof value !== "object" || value === null || !("content" in value)) return false;
  const { parallelism, description } = value as Partial<Content>;
  return typeof parallelism === "number" && typeof description === "string";
}

function lowest(contents: ReadonlyMap<number, Content>): Content {
  const first = contents.values().next();
  if (first.done === true) throw new RangeError("no part to take a state from");
  return first.value;
}

function describe({ schema }: OperatorDescriptor): string {
  return schema === undefined ? "" : JSON.stringify(schema);
}
