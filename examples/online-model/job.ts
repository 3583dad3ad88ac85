import { fileURLToPath } from "node:url";
import { type Job, job, jsonArraySource, replicate, type Sink, type } from "sluice";
import { type Example, learn, type Model, Parameters, untrained } from "./model.ts";

/** 20,000 real flights within the United States, from January to March 2001. */
export const flightsFile = fileURLToPath(new URL("../../node_modules/vega-datasets/data/flights-20k.json", import.meta.url));

/** A flight's delay as it was expected before the flight was learnt from, and the model after it. */
export interface Lesson {
  readonly actual: number;
  readonly predicted: number;
  readonly model: Model;
}

export interface OnlineModelOptions {
  readonly sink: Sink<Lesson>;
  /** Called with every flight before it is learnt from; may throw, to see what happens. */
  readonly onFlight?: (seen: number) => void;
  /** Flights read in a second. @default as fast as they are learnt from */
  readonly ratePerSecond?: number;
}

/**
 * Learns to predict delays, one flight at a time.
 *
 * There is one model and one order of flights, so the parallelism is 1. The parameters are operator state: after a failure they
 * are those of the checkpoint, the flights after it are read again in the same order, and the model comes out bit for bit as if
 * nothing had happened.
 */
export function onlineModelJob({ sink, onFlight = () => {}, ...pace }: OnlineModelOptions): Job {
  return job("online-model", (flow) => {
    flow.from("flights", jsonArraySource<Example>(flightsFile, pace))
      .process("model", {
        state: { parameters: replicate(Parameters, untrained) },
        emits: type<Lesson>(),
        onRecord(flight, ctx) {
          const before = ctx.state.parameters.get();
          onFlight(before.seen);
          const { model, predicted } = learn(before, flight);
          ctx.state.parameters.set(model);
          ctx.emit({ actual: flight.delay, predicted, model });
        },
      })
      .to("lessons", sink);
  }, { parallelism: 1 });
}
