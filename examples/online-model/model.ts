import { type Static, Type } from "@sinclair/typebox";

/** What the model has learnt so far. */
export const Parameters = Type.Object({
  /** Of the features, in the order of {@link featuresOf}. */
  weights: Type.Array(Type.Number()),
  /** How many flights it has learnt from. */
  seen: Type.Integer(),
});
export type Parameters = Static<typeof Parameters>;

/** Parameters to be looked at. */
export interface Model {
  readonly weights: readonly number[];
  readonly seen: number;
}

/** A flight, as far as the model looks at it. */
export interface Example {
  /** `2001/01/01 00:47`, in UTC. */
  readonly date: string;
  /** In miles. */
  readonly distance: number;
  /** In minutes; negative when early. */
  readonly delay: number;
}

/** The model before it has seen a flight. */
export const untrained: Parameters = { weights: [0, 0, 0, 0], seen: 0 };

/** What the delay of a flight may depend on: a constant, its distance, and the time of day on a circle. */
export function featuresOf({ date, distance }: Example): readonly number[] {
  const hour = Number(date.slice(11, 13)) + Number(date.slice(14, 16)) / 60;
  const angle = (hour / 24) * 2 * Math.PI;
  return [1, distance / 1_000, Math.sin(angle), Math.cos(angle)];
}

/** The delay that the model expects, in minutes. */
export function predict({ weights }: Model, features: readonly number[]): number {
  return features.reduce((sum, feature, index) => sum + feature * (weights[index] ?? 0), 0);
}

/**
 * The model after one flight more: one step of stochastic gradient descent, smaller the more it has seen. The order of the
 * flights matters to the last bit, since floating-point sums depend on it.
 */
export function learn(model: Model, example: Example): { readonly model: Parameters; readonly predicted: number } {
  const features = featuresOf(example);
  const predicted = predict(model, features);
  const rate = 0.05 / Math.sqrt(1 + model.seen / 100);
  const step = rate * (example.delay - predicted);
  const weights = model.weights.map((weight, index) => weight + step * (features[index] ?? 0));
  return { model: { weights, seen: model.seen + 1 }, predicted };
}
