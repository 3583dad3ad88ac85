/**
 * A job with a sink of its own, tested under crashes, power failures, a full disk, a bad network and more; and the same job
 * with a mistake in the sink, to see how it is found out: `npx tsx examples/simulated-job/main.ts`, or the same with `deno run
 * -A` or `bun`.
 *
 * @module
 */
import { simulate, SimulationFailure } from "sluice/simulation";
import { type Balance, balances } from "./job.ts";
import { emptyTable, type Table, tableSink } from "./table_sink.ts";

/** Which transactions there are depends on when checkpoints were: only rows are compared. */
const rowsOf = ({ rows }: Table<Balance>) => rows;

const report = await simulate(
  ({ outside }) => balances(tableSink(outside("table", emptyTable<Balance>, rowsOf), "careful")),
  { seeds: 40 },
);
console.log(`careful: ${report.seeds} seeds, ${report.recoveries} recoveries, every row there once`);

try {
  await simulate(
    ({ outside }) => balances(tableSink(outside("table", emptyTable<Balance>, rowsOf), "careless")),
    { seeds: 40 },
  );
} catch (error) {
  if (!(error instanceof SimulationFailure)) throw error;
  console.log(`careless: ${error.message}`);
}
