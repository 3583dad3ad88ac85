import { type Command, InvalidArgumentError } from "commander";
import type { Parallelism } from "../graph/parallelism.ts";
import { clientCommand, type ClientFlags, say, withCluster } from "./cluster_client.ts";
import type { Console } from "./console.ts";
import { wholeNumber } from "./flag_value.ts";
import { outcome } from "./job_outcome.ts";
import { listing } from "./listing.ts";
import { savepointCommand, stopCommand } from "./savepoint_commands.ts";
import { submitCommand } from "./submit_command.ts";

interface EndFlags extends ClientFlags {
  readonly wait: boolean;
}

/** What a cluster's coordinator is asked; `done` gets the exit code. */
export function clientCommands(console: Console, done: (exitCode: number) => void): readonly Command[] {
  const does = (name: string, flags: ClientFlags, work: Parameters<typeof withCluster>[3]) =>
    withCluster(console, `sluice ${name}`, flags, work).then(done);

  const list = clientCommand("list", "list the jobs and the workers of a cluster")
    .action((flags: ClientFlags) =>
      does("list", flags, async (asking, server) => {
        const answer = await asking({ kind: "list" });
        if (flags.json) console.out(JSON.stringify({ ...answer, server }));
        else if (answer.kind === "listing") { for (const line of listing(answer, server)) console.out(line); }
        return 0;
      })
    );

  const cancel = clientCommand("cancel", "end a job at once, without a checkpoint")
    .argument("<job>", "the job's name")
    .option("--wait", "wait until the job is over", false)
    .action((job: string, flags: EndFlags) =>
      does("cancel", flags, async (asking) => {
        await asking({ kind: "cancel", job });
        if (flags.wait) return await outcome(console, asking, job, flags, ["stopped", "cancelled", "finished"]);
        return say(console, flags, { kind: "accepted", job }, `job ${job} was asked to end`);
      })
    );

  const resume = clientCommand("resume", "have a job go on that is paused at a record it cannot process")
    .argument("<job>", "the job's name")
    .action((job: string, flags: ClientFlags) =>
      does("resume", flags, async (asking) => {
        await asking({ kind: "resume", job });
        return say(console, flags, { kind: "accepted", job }, `job ${job} was asked to go on`);
      })
    );

  const rescale = clientCommand("rescale", "have a job go on with another parallelism")
    .argument("<job>", "the job's name")
    .argument("<parallelism>", "a number, or uid=number with commas between", parallelism)
    .action((job: string, parallelism: Parallelism, flags: ClientFlags) =>
      does("rescale", flags, async (asking) => {
        await asking({ kind: "rescale", job, parallelism });
        return say(console, flags, { kind: "accepted", job }, `job ${job} goes on with another parallelism`);
      })
    );

  return [
    submitCommand(console, done),
    list,
    savepointCommand(console, done),
    stopCommand(console, done),
    cancel,
    resume,
    rescale,
  ];
}

/** `4`, or `count=4,out=1`. */
function parallelism(text: string): Parallelism {
  if (/^\d+$/.test(text)) return wholeNumber(text);
  const pairs = text.split(",").map((pair): [string, number] => {
    const at = pair.lastIndexOf("=");
    if (at < 1) throw new InvalidArgumentError("Give a number, or uid=number with commas between.");
    return [pair.slice(0, at), wholeNumber(pair.slice(at + 1))];
  });
  return Object.fromEntries(pairs);
}
