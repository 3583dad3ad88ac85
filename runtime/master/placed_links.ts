import type { Channel } from "../graph/channel.ts";
import type { InputLink, OutputLink } from "../task/link.ts";
import { type ChannelLinks, LocalLinks } from "./channel_links.ts";

/** Which worker runs a subtask: its name, from the task's index in the plan and the subtask's number. */
export type Placement = (task: number, subtask: number) => string;

/**
 * The links of one worker: frames pass by reference to subtasks of its own, and encoded to those of others. Whoever deploys
 * asks for the ends that are here; those of other workers are made there, by the same placement.
 */
export class PlacedLinks implements ChannelLinks {
  readonly #worker: string;
  readonly #placement: Placement;
  readonly #local = new LocalLinks();
  readonly #remote: ChannelLinks;

  constructor(worker: string, placement: Placement, remote: ChannelLinks) {
    this.#worker = worker;
    this.#placement = placement;
    this.#remote = remote;
  }

  input(channel: Channel): InputLink {
    return this.#linksTo(channel.edge.from, channel.sender).input(channel);
  }

  output(channel: Channel): OutputLink {
    return this.#linksTo(channel.edge.to, channel.receiver).output(channel);
  }

  close(): void {
    this.#local.close();
    this.#remote.close();
  }

  #linksTo(task: number, subtask: number): ChannelLinks {
    return this.#placement(task, subtask) === this.#worker ? this.#local : this.#remote;
  }
}
