import type { Plan, PlannedEdge } from "./plan.ts";

/** One path of frames: (edge, sender, receiver). */
export interface Channel {
  /** Its number in the deployment: edges in plan order, then senders, then receivers. */
  readonly number: number;
  readonly edge: PlannedEdge;
  readonly sender: number;
  readonly receiver: number;
}

/** A channel's name in snapshots and messages. */
export function channelName(edgeId: string, sender: number, receiver: number): string {
  return `${edgeId}:${sender}>${receiver}`;
}

/** All channels of a plan, in the order of their numbers. */
export function channelsOf(plan: Plan): readonly Channel[] {
  const channels: Channel[] = [];
  for (const edge of plan.edges) {
    const senders = taskOf(plan, edge.from).parallelism;
    const receivers = taskOf(plan, edge.to).parallelism;
    for (let sender = 0; sender < senders; sender++) {
      for (let receiver = 0; receiver < receivers; receiver++) {
        if (edge.partitioner.kind === "forward" && sender !== receiver) continue;
        channels.push({ number: channels.length, edge, sender, receiver });
      }
    }
  }
  return channels;
}

function taskOf(plan: Plan, index: number) {
  const task = plan.tasks[index];
  if (task === undefined) throw new RangeError(`no task ${index} in the plan of ${plan.name}`);
  return task;
}
