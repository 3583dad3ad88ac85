import type { Committable, Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
import type { Exceptions } from "./exceptions.ts";
import type { Ledger } from "./ledger.ts";

/** What travels in a checkpoint for a watched sink: what the sink itself prepared, and under which name the ledger knows it. */
interface Watched {
  readonly token: string;
  readonly content: unknown;
}

/** A sink that works as the given one does, into the ledger as well, and throws where it is told to. */
export function watchedSink(sink: Sink<unknown>, uid: string, ledger: Ledger, exceptions: Exceptions): Sink<unknown> {
  ledger.know(uid, sink.delivery);
  const { lastCommitted, rollbackTo } = sink;
  return {
    kind: sink.kind,
    delivery: sink.delivery,
    async open(context) {
      const writer = await sink.open(context);
      return writer.prepare === undefined ? watchedPlain(writer, uid, ledger, exceptions) : watchedTransactional(writer, {
        uid,
        ledger,
        exceptions,
        context,
      });
    },
    ...(lastCommitted === undefined ? {} : {
      lastCommitted: async (context: SinkContext) => {
        const last = await lastCommitted.call(sink, context);
        // A sink in memory stands for one that outlives the process, and knows what it has shown.
        return sink.kind === "memory" ? Math.max(last, ledger.lastCommitted(uid)) : last;
      },
    }),
    ...(rollbackTo === undefined ? {} : {
      rollbackTo: async (id: number, context: SinkContext) => {
        // One that fails half-way has begun: it is tried again before anything else comes.
        ledger.rollBack(uid, id);
        await rollbackTo.call(sink, id, context);
      },
    }),
  };
}

function watchedPlain(
  writer: SinkWriter<unknown>,
  uid: string,
  ledger: Ledger,
  exceptions: Exceptions,
): SinkWriter<unknown> {
  return {
    write(value) {
      exceptions.strike(uid, "write");
      ledger.count();
      const written = writer.write(value);
      if (!(written instanceof Promise)) return ledger.show(uid, value);
      return written.then(() => ledger.show(uid, value));
    },
    ...(writer.flush === undefined ? {} : { flush: () => writer.flush?.() }),
    close: () => writer.close(),
  };
}

function watchedTransactional(
  writer: SinkWriter<unknown>,
  { uid, ledger, exceptions, context }: {
    readonly uid: string;
    readonly ledger: Ledger;
    readonly exceptions: Exceptions;
    readonly context: SinkContext;
  },
): SinkWriter<unknown> {
  let open: unknown[] = [];
  const { subtask } = context;
  return {
    write(value) {
      exceptions.strike(uid, "write");
      ledger.count();
      open.push(value);
      return writer.write(value);
    },
    prepare(checkpointId) {
      exceptions.strike(uid, "prepare");
      const records = open;
      open = [];
      const content = writer.prepare?.(checkpointId);
      const watched = (content: unknown): Watched | undefined =>
        content === undefined ? undefined : { token: ledger.prepare({ uid, subtask, checkpointId, records }), content };
      return content instanceof Promise ? content.then(watched) : watched(content);
    },
    async commit(committables) {
      exceptions.strike(uid, "commit");
      const inner = committables.map((committable): Committable => ({
        ...committable,
        content: (committable.content as Watched).content,
      }));
      await writer.commit?.(inner);
      for (const { content } of committables) ledger.commit(uid, (content as Watched).token);
    },
    ...(writer.flush === undefined ? {} : { flush: () => writer.flush?.() }),
    close: () => writer.close(),
  };
}
