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
      return new KeyByOutput(edge, channels, cursor, keyGroups, edge.partitioner.keyOf as (value: unknown) => Key);
  }
}

abstract class Output implements EdgeOutput {
  readonly edge: PlannedEdge;
  readonly channels: readonly OutputChannel[];
  protected readonly cursor: Cursor;
  protected readonly timed: boolean;
  #watermark = -Infinity;

  constructor(edge: PlannedEdge, channels: readonly OutputChannel[], cursor: Cursor) {
    this.edge = edge;
    this.channels = channels;
    this.cursor = cursor;
    this.timed = edge.timed;
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

class ForwardOutput extends Output {
  collect(value: unknown): void {
    const channel = this.channels[0] as OutputChannel;
    const at = channel.count++;
    channel.values[at] = value;
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

class KeyByOutput extends Output {
  private readonly keyOf: (value: unknown) => Key;
  private readonly keyGroups: number;
  /** Names the key in errors. */
  readonly #place: string;
  /** The channel of each key group's owner. */
  private readonly byKeyGroup: readonly OutputChannel[];

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
    this.byKeyGroup = Array.from(
      { length: keyGroups },
      (_, group) => channels[ownerOf(group, channels.length, keyGroups)] as OutputChannel,
    );
  }

  collect(value: unknown): void {
    let group: number;
    try {
      group = keyGroupOf(this.keyOf(value), this.keyGroups);
    } catch (error) {
      throw attributed(error, `${this.#place} could not take a record's key`);
    }
    const channel = this.byKeyGroup[group] as OutputChannel;
    const at = channel.count++;
    channel.values[at] = value;
    channel.keyGroups[at] = group;
    if (this.timed) channel.timestamps[at] = this.cursor.timestamp;
    if (channel.count >= channel.batchRecords) channel.seal(undefined);
  }
}
