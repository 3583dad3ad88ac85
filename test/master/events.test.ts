import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EventLog, type JobEvent } from "../../runtime/master/event.ts";

const events = suite("events of a job");

const nth = (at: number): JobEvent => ({ kind: "warning", at, code: "TEST", message: "" });

function logOf(count: number): EventLog {
  const log = new EventLog();
  for (let at = 1; at <= count; at++) log.emit(nth(at));
  return log;
}

async function rest(reader: AsyncGenerator<JobEvent, void, undefined>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { at } of reader) seen.push(at);
  return seen;
}

events("a reader that comes late sees the latest 256 at least, in order, and far from all of them", async () => {
  const log = logOf(5_000);
  log.close();
  const seen = await rest(log.read());
  assert.is(seen.at(-1), 5_000);
  assert.ok(seen.length >= 256 && seen.length <= 1_024, `${seen.length} events`);
  assert.equal(seen, seen.map((_, index) => 5_000 - seen.length + 1 + index));
});

events("a reader that lags by less than 10,000 loses none, whatever other readers do", async () => {
  const log = logOf(3);
  const [slow, quick] = [log.read(), log.read()];
  assert.is((await slow.next()).value?.at, 1);
  for (let at = 4; at <= 9_000; at++) {
    log.emit(nth(at));
    if (at % 10 === 0) await quick.next();
  }
  log.close();
  const seen = await rest(slow);
  assert.equal([seen[0], seen.length], [2, 8_999]);
  assert.is((await rest(quick)).at(-1), 9_000);
});

events("a reader that lags by more loses the oldest, and no other", async () => {
  const log = logOf(1);
  const slow = log.read();
  await slow.next();
  for (let at = 2; at <= 25_000; at++) log.emit(nth(at));
  log.close();
  const seen = await rest(slow);
  assert.ok(seen.length >= 10_000 && seen.length <= 11_000, `${seen.length} events`);
  assert.equal(seen, seen.map((_, index) => 25_000 - seen.length + 1 + index));
});

events("a reader that has stopped reading holds nothing back", async () => {
  const log = logOf(3);
  for await (const event of log.read()) if (event.at === 2) break;
  for (let at = 4; at <= 9_000; at++) log.emit(nth(at));
  log.close();
  const seen = await rest(log.read());
  assert.ok(seen.length <= 1_024, `${seen.length} events`);
});

events.run();
