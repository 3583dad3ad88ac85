import type { Channel } from "../graph/channel.ts";
import { type InputLink, LocalLink, type OutputLink } from "../task/link.ts";

/** The two ends of every channel of one attempt. */
export interface ChannelLinks {
  input(channel: Channel): InputLink;
  output(channel: Channel): OutputLink;
  /** Ends what the links hold, such as subscriptions. */
  close(): void;
}

/** Links within one process: frames pass by reference. */
export class LocalLinks implements ChannelLinks {
  readonly #links = new Map<number, LocalLink>();

  input(channel: Channel): InputLink {
    return this.#link(channel);
  }

  output(channel: Channel): OutputLink {
    return this.#link(channel);
  }

  close(): void {
    this.#links.clear();
  }

  #link(channel: Channel): LocalLink {
    let link = this.#links.get(channel.number);
    if (link === undefined) this.#links.set(channel.number, link = new LocalLink());
    return link;
  }
}
