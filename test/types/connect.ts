/** Connected streams, broadcast state and side outputs: what must compile, and what must not. */
import { type Flow, job, memorySink, memorySource, replicate, type Stream, type } from "../../mod.ts";
import { holds, type Same } from "./expect.ts";

type RecordOf<S> = S extends Stream<infer T> ? T : never;

job("connected", (flow: Flow) => {
  const rules = flow.from("rules", memorySource(["a"]));
  const keyed = flow.from("numbers", memorySource([1])).keyBy("n", (n) => n);

  // @ts-expect-error a stream must be broadcast to be connected
  keyed.connect(rules);

  const checked = keyed.connect(rules.broadcast()).process("check", {
    broadcastState: { rule: replicate(type<string>(), "") },
    emits: type<boolean>(),
    sides: { odd: type<Date>() },
    onBroadcast(rule, ctx) {
      ctx.broadcast.rule.set(rule);
      // @ts-expect-error every subtask would emit it
      ctx.emit(true);
    },
    onRecord(n, ctx) {
      ctx.emit(ctx.broadcast.rule.get() === `${n}`);
      // @ts-expect-error the main stream reads broadcast state
      ctx.broadcast.rule.set("b");
      // @ts-expect-error a side output takes what it declares
      ctx.side("odd", n);
      // @ts-expect-error no such side output
      ctx.side("even", n);
    },
  });
  holds<Same<RecordOf<typeof checked>, boolean>>();
  const odd = checked.side("odd");
  holds<Same<RecordOf<typeof odd>, Date>>();
  odd.to("odd", memorySink());
  checked.to("out", memorySink());
});

export function refused(stream: Stream<string>): void {
  // @ts-expect-error it has no side outputs
  stream.side("odd");
}
