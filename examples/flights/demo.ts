/**
 * Delays of real flights per airport and day, with a failure in the middle: `npm run demo -- --help` lists the flags.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { type JobEvent, start } from "sluice";
import { type Flags, readFlags } from "./flags.ts";
import { flightsInFile, numberOf } from "./flight.ts";
import { delaysJob } from "./job.ts";
import { Saboteur, SlowService } from "./lookup.ts";
import { totalsByPlainLoop } from "./plain_loop.ts";
import { type AirportDay, compare, type Comparison, readOutput, type WorstOfDay } from "./totals.ts";

/** Questions the lookup answers in a second: fewer than there are long flights, so that they pile up before it. */
const answersPerSecond = 300;

/** What a person sees: a progress bar on a terminal, lines elsewhere. */
class Screen {
  readonly #bar: SingleBar | undefined;
  read = 0;

  constructor(flights: number) {
    if (!process.stdout.isTTY) return;
    this.#bar = new SingleBar({ format: "{bar} {percentage} % | {value} of {total} flights | {note}", hideCursor: true });
    this.#bar.start(flights, 0, { note: "" });
  }

  flight(number: number): void {
    this.read = number;
    if (number % 100 === 0) this.#bar?.update(number);
  }

  note(text: string): void {
    this.#bar?.update({ note: text });
  }

  say(text: string): void {
    if (this.#bar === undefined) return console.log(text);
    process.stdout.write(`\r\x1b[K${text}\n`);
    this.#bar.render();
  }

  stop(): void {
    this.#bar?.stop();
  }
}

async function demo(flags: Flags): Promise<number> {
  const flights = flightsInFile * flags.repeat;
  const folder = flags.state ?? await mkdtemp(join(tmpdir(), "sluice-flights-"));
  const screen = new Screen(flights);
  const saboteur = new Saboteur(Math.floor((flags.failAt ?? 2) * flights));
  if (flags.failAt !== undefined) saboteur.arm();
  let latest: WorstOfDay | undefined;
  const job = delaysJob({
    repeat: flags.repeat,
    ratePerSecond: flags.rate,
    output: join(folder, "output"),
    lookup: new SlowService(answersPerSecond * Math.max(1, flags.rate / 1_700)),
    saboteur,
    onFlight: (flight) => screen.flight(numberOf(flight) + 1),
    onWorst: (worst) => {
      latest = worst;
    },
  });
  try {
    await using run = await start(job, {
      parallelism: flags.parallelism,
      checkpoints: { directory: join(folder, "checkpoints"), mode: flags.mode, intervalMs: flags.intervalMs },
      log: () => {},
    });
    const readAt = new Map<number, number>();
    let covered = 0;
    for await (const event of run.events) {
      if (event.kind === "checkpoint-triggered") readAt.set(event.checkpoint, screen.read);
      if (event.kind === "checkpoint-completed") covered = readAt.get(event.checkpoint) ?? covered;
      tell(event, screen, covered);
    }
    screen.stop();
    await run.finished;
    const output = await readOutput<AirportDay | WorstOfDay>(join(folder, "output", "totals"));
    const worst = await readOutput<AirportDay | WorstOfDay>(join(folder, "output", "worst"));
    showWorst(latest);
    return judge(compare(totalsByPlainLoop(flags.repeat), [...output, ...worst]), flags);
  } finally {
    screen.stop();
    if (flags.state === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** @param covered how many flights had been read when the latest completed checkpoint was begun */
function tell(event: JobEvent, screen: Screen, covered: number): void {
  switch (event.kind) {
    case "checkpoint-completed": {
      const { endToEndMs, stateBytes, inFlightRecords } = event.figures;
      const text = `checkpoint ${event.checkpoint}: ${
        endToEndMs.toFixed(0)
      } ms, ${stateBytes} bytes, ${inFlightRecords} in flight`;
      screen.note(text);
      if (!process.stdout.isTTY) console.log(text);
      break;
    }
    case "failed":
      screen.say(`failed at flight ${screen.read}: ${event.cause instanceof Error ? event.cause.message : event.cause}`);
      screen.say(`lost for now: about ${screen.read - covered} flights read since the latest complete checkpoint was begun`);
      break;
    case "started":
      if (event.checkpoint === undefined) break;
      screen.say(
        `recovered in ${
          event.tookMs.toFixed(0)
        } ms from checkpoint ${event.checkpoint}, ${event.inFlightRecords} records in flight`,
      );
      screen.say(`the source goes on at ${Object.values(event.positions).join("; ")}`);
      break;
  }
}

function showWorst(worst: WorstOfDay | undefined): void {
  if (worst === undefined) return;
  const table = new Table({
    head: [`worst of ${worst.day}`, "flights", "average delay", "worst delay"],
    style: { head: [], border: [], compact: true },
  });
  for (const { airport, flights, averageDelay, worstDelay } of worst.airports) {
    table.push([airport, flights, `${averageDelay.toFixed(1)} min`, `${worstDelay} min`]);
  }
  console.log(table.toString());
}

/** Says how the totals compare; the exit code. */
function judge(comparison: Comparison, flags: Flags): number {
  const { expected, equal, lost, surplus, different, flightsTwice } = comparison;
  const wrong = expected - equal + surplus.length;
  if (flags.mode === "at-least-once") {
    console.log(
      `at least once: ${equal} of ${expected} totals equal, ${different.length} too high, ${surplus.length} put out again`,
    );
    console.log(
      `${flightsTwice} flights counted twice: the windows went on with the fast input while the barrier on the slow one was ` +
        `still to come, and those flights were read again after the failure`,
    );
    return lost.length > 0 ? 1 : 0;
  }
  console.log(`exactly once: ${equal} of ${expected} totals equal`);
  for (const name of [...lost, ...surplus, ...different].slice(0, 5)) console.log(`  wrong: ${name}`);
  return wrong > 0 ? 1 : 0;
}

const flags = readFlags(process.argv.slice(2));
if (typeof flags === "string") console.log(flags);
else process.exitCode = await demo(flags);
