import { Buffer } from "node:buffer";
import { depthCeiling, hasHiddenFields, hasNamedElements, hasOwnKeys, maxContainers, reservedKey } from "./exactness.ts";
import { inexact, MsgpackOutput } from "./msgpack_output.ts";

/**
 * Writes values as the msgpack that `msgpack_scan.ts` describes and msgpackr reads, and looks in the same pass whether they
 * would come back exactly. A walk of its own before msgpackr's packer, which changes values silently, cost as much again as
 * the packing.
 *
 * Records (plain objects) name their fields once: the first of its shape defines an id, the others refer to it. Ids are dealt
 * out anew in every encoding, so that each stands alone; when all 64 are in use the oldest is defined anew.
 */

interface Shape {
  readonly names: readonly string[];
  /** -1 when it is not defined in this encoding, or not any more. */
  id: number;
}

const firstId = 0x40;
const idCount = 64;

// The writer's state lives in the module, so that the recursion carries two arguments only. It never suspends.
const output = new MsgpackOutput();
let depthLimit = 0;
/** Whether every record is known to have no hidden fields. */
let areKnown = false;
let containersLeft = 0;
let shapes: Shape[] = [];
let definitions = 0;
/** The shape last written at each depth: that of the next record there, as a rule. Names in it are known to be good. */
const lastShape: (Shape | undefined)[] = new Array<Shape | undefined>(depthCeiling).fill(undefined);
/** Longer records are dictionaries: their names are not kept. */
const keptNames = 64;

/**
 * Encodes a value into bytes of its own, `headroom` zero bytes in front. Undefined when it would not come back exactly, or
 * nests deeper than `depth`.
 *
 * @param known Whether the value was written before and has not changed: then records are not searched for hidden fields, which
 * takes as long as all the rest.
 */
export function writeMsgpack(value: unknown, depth: number, headroom: number, known: boolean): Uint8Array | undefined {
  startMsgpack(depth, known);
  try {
    write(value, 0);
  } catch (error) {
    if (error === inexact) return undefined;
    throw error;
  }
  return output.take(headroom);
}

/**
 * Starts an encoding that its caller puts together: piece by piece in what this gives back, and by {@link write}.
 *
 * @param known As {@link writeMsgpack} has it.
 */
export function startMsgpack(depth: number, known: boolean = false): MsgpackOutput {
  areKnown = known;
  output.reset();
  depthLimit = Math.min(depth, depthCeiling);
  containersLeft = maxContainers;
  forgetShapes();
  return output;
}

/** What is written next can be read without what came before: it defines its records anew. */
export function forgetShapes(): void {
  for (const shape of shapes) shape.id = -1;
  shapes = [];
  definitions = 0;
}

/** Counts containers that the caller writes in a way of its own. @throws {Error} {@link inexact} when there are too many */
export function countContainers(count: number): void {
  containersLeft -= count;
  if (containersLeft < 0) throw inexact;
}

/** Writes a value that stands `depth` containers deep. @throws {Error} {@link inexact} when it would not come back exactly */
export function write(value: unknown, depth: number): void {
  output.ready();
  switch (typeof value) {
    case "string":
      output.string(value);
      return;
    case "number":
      output.number(value);
      return;
    case "boolean":
      output.byte(value ? 0xc3 : 0xc2);
      return;
    case "undefined":
      output.tag(0, 0);
      return;
    case "bigint":
      output.bigint(value);
      return;
    case "object":
      if (value === null) output.byte(0xc0);
      else writeObject(value, depth);
      return;
    default:
      throw inexact;
  }
}

function writeObject(object: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === Object.prototype) writeRecord(object as Record<string, unknown>, depth);
  else if (prototype === Array.prototype) writeArray(object as readonly unknown[], depth);
  else if (prototype === Map.prototype) writeMap(object as ReadonlyMap<unknown, unknown>, depth);
  else if (prototype === Set.prototype) writeSet(object as ReadonlySet<unknown>, depth);
  else if (prototype === Date.prototype) output.date(object as Date);
  else if (prototype === Buffer.prototype) output.buffer(object as Buffer);
  else output.binary(object, prototype as object | null);
}

function enter(depth: number): void {
  if (depth >= depthLimit || --containersLeft < 0) throw inexact;
}

function writeRecord(record: Record<string, unknown>, depth: number): void {
  enter(depth);
  let shape = lastShape[depth];
  let names = 0;
  if (shape !== undefined) {
    const known = shape.names;
    for (const name in record) {
      if (known[names] !== name) {
        names = -1;
        break;
      }
      names++;
    }
    if (names !== known.length) shape = undefined;
  }
  if (shape === undefined || shape.id < 0) shape = definedShape(shape?.names ?? namesOf(record));
  if (shape.id >= 0) output.byte(shape.id);
  else define(shape);
  if (shape.names.length <= keptNames) lastShape[depth] = shape;
  if (!areKnown && hasHiddenFields(record, shape.names.length)) throw inexact;
  let written = 0;
  for (const name in record) {
    write(record[name], depth + 1);
    written++;
  }
  // More come from a prototype that was tampered with, fewer from a getter that deletes.
  if (written !== shape.names.length) throw inexact;
}

function namesOf(record: Record<string, unknown>): readonly string[] {
  const names = Object.keys(record);
  for (const name of names) if (name === reservedKey || !name.isWellFormed()) throw inexact;
  return names;
}

/** The shape with these names that this encoding has defined; or a new one, to be defined. */
function definedShape(names: readonly string[]): Shape {
  for (const shape of shapes) {
    const known = shape.names;
    if (known.length !== names.length) continue;
    let same = 0;
    while (same < names.length && known[same] === names[same]) same++;
    if (same === names.length) return shape;
  }
  return { names, id: -1 };
}

function define(shape: Shape): void {
  const slot = definitions++ % idCount;
  const replaced = shapes[slot];
  if (replaced !== undefined) replaced.id = -1;
  shapes[slot] = shape;
  shape.id = firstId + slot;
  output.tag(0x72, shape.id);
  output.count(shape.names.length, 0x90, 0xdc);
  for (const name of shape.names) output.string(name);
}

function writeArray(array: readonly unknown[], depth: number): void {
  enter(depth);
  const length = array.length;
  output.count(length, 0x90, 0xdc);
  for (let index = 0; index < length; index++) {
    const item = array[index];
    if (item === undefined && !(index in array)) throw inexact;
    write(item, depth + 1);
  }
  if (hasNamedElements(array)) throw inexact;
}

function writeMap(map: ReadonlyMap<unknown, unknown>, depth: number): void {
  enter(depth);
  if (hasOwnKeys(map)) throw inexact;
  let left = map.size;
  output.count(left, 0x80, 0xde);
  for (const [key, value] of map) {
    write(key, depth + 1);
    write(value, depth + 1);
    left--;
  }
  if (left !== 0) throw inexact;
}

function writeSet(set: ReadonlySet<unknown>, depth: number): void {
  enter(depth);
  if (hasOwnKeys(set)) throw inexact;
  output.tag(0x73, 0);
  let left = set.size;
  output.count(left, 0x90, 0xdc);
  for (const item of set) {
    write(item, depth + 1);
    left--;
  }
  if (left !== 0) throw inexact;
}
