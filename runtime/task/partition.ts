import { SluiceError } from "../../actors/error.ts";
import { keyGroupOf, ownerOf } from "../graph/key.ts";
import type { Key } from "../graph/key.ts";
import type { Collector, Cursor, WatermarkCollector } from "../graph/operator.ts";
import type { PlannedEdge } from "../graph/plan.ts";
import { attributed } from "./chain.ts";
import type { OutputChannel } from "./output_channel.ts";

/** The sending side of an edge in one subtask: deals records out over the channels, and marks to all of them. */
export interface EdgeOutput extends Collector<unknown>, WatermarkCollector {
  readonly edge: PlannedEdge;
  readonly channels: readonly OutputChannel[];
}

/** Makes the sending side of an edge. `channels` stand by receiver; a forward edge has one. */
export function edgeOutput(
  edge: PlannedEdge,
  channels: readonly OutputChannel[],
  cursor: Cursor,
  keyGroups: number,
  firstReceiver: number,
): EdgeOutput {
  switch (edge.partitioner.kind) {
    case "forward":
      return new ForwardOutput(edge, channels, cursor);
    case "rebalance":
      return new RebalanceOutput(edge, channels, cursor, firstReceiver);
    case "keyBy":
      return new (channels.length === 1 ? SoleKeyByOutput : KeyByOutput)(
        edge,
        channels,
        cursor,
        keyGroups,
        edge.partitioner.keyOf as (value: unknown) => Key,
      );
    case "broadcast":
      return new BroadcastOutput(edge, channels, cursor);
    case "custom":
      return new CustomOutput(edge, channels, cursor);
  }
}

abstract class Output implements EdgeOutput {
  readonly edge: PlannedEdge;
  readonly channels: readonly OutputChannel[];
  protected readonly cursor: Cursor;
  protected readonly timed: boolean;
  protected readonly grouped: boolean;
  #watermark = -Infinity;

  constructor(edge: PlannedEdge, channels: readonly OutputChannel[], cursor: Cursor) {
    this.edge = edge;
    this.channels = channels;
    this.cursor = cursor;
    this.timed = edge.timed;
    this.grouped = edge.grouped;
  }

  abstract collect(value: unknown): void;

  watermark(timestamp: number): void {
    if (timestamp <= this.#watermark) return;
    this.#watermark = timestamp;
    for (const channel of this.channels) channel.seal({ kind: "watermark", timestamp });
  }

  idle(): void {
    for (const channel of this.channels) channel.seal({ kind: "idle" });
  }
}

/** The only channel of an edge, through which records are handed over from now on where they can be. */
function handingOver(channels: readonly OutputChannel[]): OutputChannel {
  const channel = channels[0] as OutputChannel;
  channel.handsOver = true;
  return channel;
}

/*
 * What hands records over is written out in each class that does, to the letter the same: an engine keeps what it has learned
 * about the call into the receiver by its place in the source.
 */

class ForwardOutput extends Output {
  private readonly channel = handingOver(this.channels);

  collect(value: unknown): void {
    const { channel } = this;
    if (channel.room === 0) return this.add(channel, value);
    channel.room--;
    const { cursor } = channel;
    cursor.keyGroup = this.grouped ? this.cursor.keyGroup : -1;
    cursor.timestamp = this.timed ? this.cursor.timestamp : NaN;
    try {
      channel.entry.collect(value);
    } catch (error) {
      channel.failed(error);
    }
  }

  private add(channel: OutputChannel, value: unknown): void {
    const at = channel.count++;
    channel.values[at] = value;
    if (this.grouped) channel.keyGroups[at] = this.cursor.keyGroup;
    if (this.timed) channel.timestamps[at] = this.cursor.timestamp;
    if (channel.count >= channel.batchRecords) channel.seal(undefined);
  }
}

class RebalanceOutput extends Output {
  #next: number;

  constructor(edge: PlannedEdge, channels: readonly OutputChannel[], cursor: Cursor, first: number) {
    super(edge, channels, cursor);
    this.#next = first % channels.length;
  }

  collect(value: unknown): void {
    const channel = this.channels[this.#next] as OutputChannel;
    this.#next = this.#next + 1 === this.channels.length ? 0 : this.#next + 1;
    const at = channel.count++;
    channel.values[at] = value;
    if (this.timed) channel.timestamps[at] = this.cursor.timestamp;
    if (channel.count >= channel.batchRecords) channel.seal(undefined);
  }
}

/** Deals records out by key. */
abstract class KeyedOutput extends Output {
  protected readonly keyOf: (value: unknown) => Key;
  protected readonly keyGroups: number;
  /** Names the key in errors. */
  readonly #place: string;

  constructor(
    edge: PlannedEdge,
    channels: readonly OutputChannel[],
    cursor: Cursor,
    keyGroups: number,
    keyOf: (value: unknown) => Key,
  ) {
    super(edge, channels, cursor);
    this.keyOf = keyOf;
    this.keyGroups = keyGroups;
    const label = edge.partitioner.kind === "keyBy" ? edge.partitioner.label : undefined;
    this.#place = `keyBy ${label === undefined ? "" : `"${label}" `}behind ${edge.fromOperator}`;
  }

  protected keyless(error: unknown): SluiceError {
    return attributed(error, `${this.#place} could not take a record's key`);
  }

  protected add(channel: OutputChannel, value: unknown, group: number): void {
    const at = channel.count++;
    channel.values[at] = value;
    channel.keyGroups[at] = group;
    if (this.timed) channel.timestamps[at] = this.cursor.timestamp;
    if (channel.count >= channel.batchRecords) channel.seal(undefined);
  }
}

class KeyByOutput extends KeyedOutput {
  /** The channel of each key group's owner. */
  private readonly byKeyGroup: readonly OutputChannel[] = Array.from(
    { length: this.keyGroups },
    (_, group) => this.channels[ownerOf(group, this.channels.length, this.keyGroups)] as OutputChannel,
  );

  collect(value: unknown): void {
    let group: number;
    try {
      group = keyGroupOf(this.keyOf(value), this.keyGroups);
    } catch (error) {
      throw this.keyless(error);
    }
    this.add(this.byKeyGroup[group] as OutputChannel, value, group);
  }
}

/** Where all keys have one receiver. Records are handed to it, if it is in this thread and can take them. */
class SoleKeyByOutput extends KeyedOutput {
  private readonly channel = handingOver(this.channels);

  collect(value: unknown): void {
    const { channel } = this;
    let group: number;
    try {
      group = keyGroupOf(this.keyOf(value), this.keyGroups);
    } catch (error) {
      throw this.keyless(error);
    }
    if (channel.room === 0) return this.add(channel, value, group);
    channel.room--;
    const { cursor } = channel;
    cursor.keyGroup = group;
    cursor.timestamp = this.timed ? this.cursor.timestamp : NaN;
    try {
      channel.entry.collect(value);
    } catch (error) {
      channel.failed(error);
    }
  }
}

class BroadcastOutput extends Output {
  collect(value: unknown): void {
    for (const channel of this.channels) {
      const at = channel.count++;
      channel.values[at] = value;
      if (this.timed) channel.timestamps[at] = this.cursor.timestamp;
      if (channel.count >= channel.batchRecords) channel.seal(undefined);
    }
  }
}

class CustomOutput extends Output {
  private readonly receiverOf: (value: unknown) => number;

  constructor(edge: PlannedEdge, channels: readonly OutputChannel[], cursor: Cursor) {
    super(edge, channels, cursor);
    this.receiverOf = customReceiver(edge, channels.length);
  }

  collect(value: unknown): void {
    const channel = this.channels[this.receiverOf(value)] as OutputChannel;
    const at = channel.count++;
    channel.values[at] = value;
    if (this.timed) channel.timestamps[at] = this.cursor.timestamp;
    if (channel.count >= channel.batchRecords) channel.seal(undefined);
  }
}

/**
 * The receiver of a record on an edge with a partitioner of the user's own, one of `receivers`.
 *
 * The function it gives throws `SluiceError` `PARTITION_OUT_OF_RANGE`, naming edge and record.
 */
export function customReceiver(edge: PlannedEdge, receivers: number): (value: unknown) => number {
  const { partitioner, fromOperator, toOperator } = edge;
  if (partitioner.kind !== "custom") throw new RangeError(`edge ${edge.id} has no partitioner of its own`);
  const indexOf = partitioner.indexOf as (value: unknown, receivers: number) => unknown;
  return (value) => {
    const index = indexOf(value, receivers);
    if (Number.isInteger(index) && (index as number) >= 0 && (index as number) < receivers) return index as number;
    throw new SluiceError(
      "PARTITION_OUT_OF_RANGE",
      `partitioner "${partitioner.label}" from ${fromOperator} to ${toOperator} gave ${String(index)} for the record ` +
        `${recordText(value)}; it must give a whole number from 0 to ${receivers - 1}, at once and without a promise`,
    );
  };
}

/** A record as messages show it, cut to about 200 characters. */
function recordText(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? `${item}n` : item)) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
