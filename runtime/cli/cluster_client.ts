import { Command } from "commander";
import { SluiceError } from "../../actors/error.ts";
import { systemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { type Answered, ask } from "../cluster/client.ts";
import type { Request } from "../cluster/message.ts";
import { checkClusterName, clientSubject } from "../cluster/names.ts";
import { connectNats } from "../nats/connect.ts";
import { checkRights } from "../nats/rights.ts";
import { type NatsServer, serverOf } from "../nats/server_lacks.ts";
import { NatsTransport } from "../nats/transport.ts";
import type { Console } from "./console.ts";
import { duration } from "./flag_value.ts";
import { type NatsFlags, natsFlags, natsOptions } from "./nats_flags.ts";
import { refusal } from "./refusal.ts";

/** What every command on a cluster can be told. */
export interface ClientFlags extends NatsFlags {
  readonly timeout: number;
  readonly json: boolean;
}

/** Asks the cluster's coordinator. */
export type Asking = (request: Request) => Promise<Exclude<Answered, { kind: "refused" }>>;

/** A command on a cluster. */
export function clientCommand(name: string, description: string): Command {
  return natsFlags(new Command(name).description(description))
    .option("--timeout <duration>", "how long to ask again while no coordinator answers", duration, 15_000)
    .option("--json", "answer as JSON", false);
}

/** Does some work with whoever coordinates; gives its exit code, or that of a refusal, which is said. */
export async function withCluster(
  console: Console,
  command: string,
  flags: ClientFlags,
  work: (asking: Asking, server: NatsServer) => Promise<number>,
): Promise<number> {
  try {
    const { cluster, timeout: patienceMs } = flags;
    checkClusterName("cluster", cluster);
    const random = systemRandom();
    const nats = { ...await natsOptions(console, systemDisk(), flags), name: `sluice ${cluster} client` };
    const connection = await connectNats(nats);
    await using transport = new NatsTransport(connection, { ownsConnection: true });
    await checkRights(connection, command, { publish: [clientSubject(cluster)], inbox: true });
    return await work(async (request) => {
      if ("job" in request && request.job !== null) checkClusterName("job", request.job);
      const answer = await ask({ transport, clock: systemClock, random, cluster, patienceMs }, request);
      if (answer.kind === "refused") throw new SluiceError(answer.code, answer.message);
      return answer;
    }, serverOf(connection));
  } catch (error) {
    return refusal(console, command, flags.json, error);
  }
}

/** An answer of the kind that belongs to what was asked. @throws {SluiceError} `MESSAGE_INVALID` */
export function answerOf<K extends Answered["kind"]>(answer: Answered, kind: K): Extract<Answered, { readonly kind: K }> {
  if (answer.kind === kind) return answer as Extract<Answered, { readonly kind: K }>;
  throw new SluiceError("MESSAGE_INVALID", "the coordinator answers something else");
}

/** Says what has been done. */
export function say(console: Console, flags: ClientFlags, data: object, line: string): number {
  console.out(flags.json ? JSON.stringify(data) : line);
  return 0;
}
