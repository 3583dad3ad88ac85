import { generate, type Job, job, type Sink, type, value } from "sluice";

export interface Payment {
  readonly account: string;
  readonly cents: number;
}

/** What an account has after a payment. */
export interface Balance {
  readonly account: string;
  readonly payment: number;
  readonly cents: number;
}

/** Keeps the balance of each account, payment by payment. */
export function balances(sink: Sink<Balance>): Job {
  return job("balances", (flow) => {
    flow.from("payments", generate({ count: 60, splits: 1, make: (n): Payment => ({ account: `acc${n % 7}`, cents: 100 + n }) }))
      .keyBy("account", ({ account }) => account)
      .process("balance", {
        state: { cents: value(type<number>(), 0), payments: value(type<number>(), 0) },
        emits: type<Balance>(),
        onRecord({ account, cents }, ctx) {
          const payment = ctx.state.payments.get() + 1;
          ctx.state.payments.set(payment);
          ctx.state.cents.set(ctx.state.cents.get() + cents);
          ctx.emit({ account, payment, cents: ctx.state.cents.get() });
        },
      })
      .to("table", sink);
  });
}
