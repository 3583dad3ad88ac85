/** `npm run bench -- throughput | alignment [--quick]` */
import { parseArgs } from "node:util";
import { alignment } from "./alignment.ts";
import { throughput } from "./throughput.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false } },
});
const { quick } = values;
const suites: Readonly<Record<string, () => Promise<void>>> = {
  throughput: () => throughput(quick ? { records: 1_000_000, rounds: 2 } : { records: 10_000_000, rounds: 3 }),
  alignment: () =>
    alignment(
      quick
        ? { stages: [1, 3], checkpoints: 5, workMs: 1, fillMs: 300 }
        : { stages: [1, 3, 5], checkpoints: 20, workMs: 1, fillMs: 1_000 },
    ),
};
const [name] = positionals;
const suite = name === undefined ? undefined : suites[name];
if (suite === undefined || positionals.length !== 1) {
  console.error(
    `${name === undefined ? "no suite given" : `no suite ${positionals.join(" ")}`}; there are: ${
      Object.keys(suites).join(", ")
    }`,
  );
  process.exit(2);
}
await suite();
