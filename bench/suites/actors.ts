/** How many messages, questions and actors per second, beside other actor libraries of the language? */
import { createSystem, type ReplyTo } from "../../actors/mod.ts";
import { alternate, type Measured, share, type Side } from "../alternate.ts";
import { contender } from "../contender.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import { median } from "../spread.ts";
import type { Effort } from "../suite.ts";

/** The tasks, as every library does them. */
interface Tasks {
  /** One actor takes `count` messages. */
  tell(count: number): Promise<void>;
  /** `count` questions to one actor, one after the other. */
  ask(count: number): Promise<void>;
  /** `count` actors are made, take one message each, and stop. */
  spawn(count: number): Promise<void>;
  close(): void | Promise<void>;
}

type Task = "tell" | "ask" | "spawn";

const others = ["nact", "xstate"] as const;

export async function run(report: Report, effort: Effort): Promise<void> {
  const scale = effort.quick ? 0.1 : 1;
  const counts: Readonly<Record<Task, number>> = { tell: 500_000 * scale, ask: 50_000 * scale, spawn: 20_000 * scale };
  const rounds = effort.quick ? 2 : 5;
  report.begin(`one process, ${rounds} rounds after a warm-up, sides in turn`);
  const libraries: [string, () => Tasks][] = [["sluice", sluiceTasks]];
  for (const name of others) {
    const module = await contender<{ open(): Tasks }>(name);
    if (module !== undefined) libraries.push([name, module.open]);
  }
  report.say(
    "XState handles an event within the call that sends it and supervises nothing: it is the floor, not a peer. Its ask is a\n" +
      "callback.",
  );
  const rows: Figures[] = [];
  for (const [task, count] of Object.entries(counts) as [Task, number][]) {
    const measured = await alternate(libraries.map(([name, open]) => sideOf(name, open, task, count)), rounds);
    for (const side of measured) {
      rows.push(report.add({
        workload: "actors",
        engine: side.name,
        task,
        count,
        perSecond: Math.round(count / median(side.wallMs) * 1_000),
        cpuMicroseconds: median(side.cpuMs) / count * 1_000,
        sluiceTimesAsFast: share(side, measured[0] as Measured, "wallMs"),
      }));
    }
  }
  report.table(columns, rows);
}

const columns: readonly Column[] = [
  ["task", (row) => String(row["task"])],
  ["library", (row) => String(row.engine)],
  ["per second", (row) => (row["perSecond"] as number).toLocaleString("en")],
  ["CPU µs each", (row) => number(row["cpuMicroseconds"])],
  ["sluice is … times as fast", (row) => row.engine === "sluice" ? "" : number(spreadOf(row, "sluiceTimesAsFast")?.p50)],
];

function sideOf(name: string, open: () => Tasks, task: Task, count: number): Side {
  return {
    name,
    async run() {
      const tasks = open();
      await tasks[task](count);
      await tasks.close();
      return count;
    },
  };
}

function sluiceTasks(): Tasks {
  const system = createSystem();
  return {
    tell(count) {
      return new Promise((resolve) => {
        let seen = 0;
        const ref = system.spawn<{ n: number }>("counter", () => ({
          receive() {
            if (++seen === count) resolve();
          },
        }));
        for (let n = 0; n < count; n++) ref.tell({ n });
      });
    },
    async ask(count) {
      const ref = system.spawn<{ n: number; replyTo: ReplyTo<number> }>("adder", () => ({
        receive: ({ n, replyTo }) => replyTo.tell(n + 1),
      }));
      for (let n = 0; n < count; n++) await ref.ask({ n });
    },
    spawn(count) {
      return new Promise((resolve) => {
        let told = 0;
        for (let n = 0; n < count; n++) {
          system.spawn<{ n: number }>(`one-${n}`, () => ({
            receive(_, context) {
              context.stop();
              if (++told === count) resolve();
            },
          })).tell({ n });
        }
      });
    },
    close: () => system.shutdown(),
  };
}
