/**
 * A process that starts a job with the runtime of the module that it is told (unbuilt or built): says when its sink sees the
 * first record, then, when the job has been over for a while, how much memory it has. JavaScript, so that the built package needs
 * no loader.
 */
const { forEach, generate, job, start, type, value } = await import(process.argv[2]);

function hash(n) {
  let h = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const make = (n) => ({
  key: hash(n) % 1_000,
  seq: n,
  ts: n,
  value: hash(n) & 1_023,
  payload: "a text of as many characters: 32",
});
let seen = 0;
const run = await start(job("starting", (flow) => {
  flow.from("events", generate({ count: 100_000, splits: 2, make }))
    .keyBy("key", (event) => event.key)
    .process("count", {
      state: { total: value(type(), { count: 0, sum: 0 }) },
      emits: type(),
      onRecord(event, ctx) {
        ctx.emit(ctx.state.total.mutate((total) => {
          total.sum += event.value;
          return ++total.count;
        }));
      },
    })
    .to(
      "sink",
      forEach(() => {
        if (seen++ === 0) console.log("first record");
      }),
    );
}, { parallelism: 2 }));
await run.finished;
if (seen !== 100_000) throw new Error(`${seen} records came to the sink`);
await new Promise((resolve) => setTimeout(resolve, 3_000));
console.log(`idle ${process.memoryUsage().rss / 2 ** 20}`);
process.exit();
