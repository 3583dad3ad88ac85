import type { Sink } from "sluice";

/** A table in some database, as far as the sink needs it: rows, and which transactions are in it. */
export interface Table<Row> {
  readonly rows: Row[];
  readonly transactions: Set<string>;
}

export function emptyTable<Row>(): Table<Row> {
  return { rows: [], transactions: new Set() };
}

/**
 * Writes rows to a table exactly once: what a checkpoint covers becomes one transaction when the checkpoint is complete.
 *
 * A commit may come again after a crash, because nobody knows whether it was done. `careful` looks for the transaction first;
 * `careless` does not, and is here to be found out.
 */
export function tableSink<Row>(table: Table<Row>, care: "careful" | "careless"): Sink<Row> {
  return {
    kind: "table",
    delivery: "transactional",
    open({ life, uid }) {
      let open: Row[] = [];
      return {
        write: (row) => void open.push(row),
        prepare() {
          const rows = open;
          open = [];
          return rows.length === 0 ? undefined : rows;
        },
        commit(committables) {
          // Of whoever prepared it: after a change of parallelism that is not the subtask that commits it.
          for (const { subtask, checkpointId, content } of committables) {
            const transaction = [life, uid, subtask, checkpointId].join("/");
            if (care === "careful" && table.transactions.has(transaction)) continue;
            table.transactions.add(transaction);
            table.rows.push(...content as Row[]);
          }
        },
        close() {},
      };
    },
  };
}
