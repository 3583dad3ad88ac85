import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Balance, balances } from "../../examples/simulated-job/job.ts";
import { emptyTable, tableSink } from "../../examples/simulated-job/table_sink.ts";
import { simulate, SimulationFailure } from "../../runtime/simulation/mod.ts";

const test = suite("the simulated job example");

const simulated = (care: "careful" | "careless") =>
  simulate(
    ({ outside }) => balances(tableSink(outside("table", emptyTable<Balance>, ({ rows }) => rows), care)),
    { seeds: 40 },
  );

test("with care every row is there once, whatever happens", async () => {
  assert.ok((await simulated("careful")).recoveries > 5);
});

test("a sink that does not look for its transactions is found out by one crash", async () => {
  try {
    await simulated("careless");
  } catch (error) {
    assert.instance(error, SimulationFailure);
    assert.match((error as Error).message, /too many in outside "table": \{"account":"acc\d".*\(2 for 1\)/);
    assert.ok((error as SimulationFailure).replay.faults.length <= 2);
    return;
  }
  assert.unreachable("no seed failed");
});

test.run();
