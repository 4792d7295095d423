/**
 * A small neural network in plain TypeScript: standardised inputs, tanh hidden layers, softmax output, trained by
 * stochastic gradient descent on the cross entropy. Without hidden layers it is softmax regression.
 *
 * A model is plain JSON, so it travels through the app's state.
 */
import { SPECIES, type Flower, type Species } from './data.ts';
import { randomOf, shuffled } from './random.ts';

interface Layer {
  /** One row of input weights for each unit. */
  readonly weights: number[][];
  readonly biases: number[];
}

export interface Model {
  readonly means: number[];
  readonly deviations: number[];
  readonly layers: Layer[];
}

export interface FitOptions {
  /** Units of each hidden layer; none for softmax regression. */
  readonly hidden: readonly number[];
  readonly rate: number;
  readonly epochs: number;
  readonly seed: number;
}

export interface Prediction {
  readonly species: Species;
  readonly probability: number;
}

/** Trains, and tells after every epoch where it is. The model is the same object throughout. */
export function* fit(
  flowers: readonly Flower[],
  options: FitOptions,
): Generator<{ epoch: number; loss: number; model: Model }> {
  const random = randomOf(options.seed);
  const model = newModel(flowers, options.hidden, random);
  for (let epoch = 1; epoch <= options.epochs; epoch += 1) {
    let loss = 0;
    for (const flower of shuffled(flowers, random)) loss += step(model, flower, options.rate);
    yield { epoch, loss: loss / flowers.length, model };
  }
}

export function predict(model: Model, sizes: readonly number[]): Prediction {
  const probabilities = activations(model, sizes).at(-1) ?? [];
  const probability = Math.max(...probabilities);
  return { species: SPECIES[probabilities.indexOf(probability)] ?? SPECIES[0], probability };
}

/** Share of flowers whose species the model names. */
export function accuracyOf(model: Model, flowers: readonly Flower[]): number {
  return (
    flowers.filter(({ sizes, species }) => predict(model, sizes).species === species).length /
    flowers.length
  );
}

/** Mean cross entropy. */
export function lossOf(model: Model, flowers: readonly Flower[]): number {
  return (
    flowers.reduce((sum, flower) => sum + entropy(activations(model, flower.sizes), flower), 0) /
    flowers.length
  );
}

function newModel(
  flowers: readonly Flower[],
  hidden: readonly number[],
  random: () => number,
): Model {
  const columns = (flowers[0]?.sizes ?? []).map((_, column) =>
    flowers.map(({ sizes }) => sizes[column] ?? 0),
  );
  const means = columns.map(meanOf);
  const deviations = columns.map((values, column) =>
    Math.sqrt(meanOf(values.map((v) => (v - (means[column] ?? 0)) ** 2))),
  );
  const widths = [columns.length, ...hidden, SPECIES.length];
  const layers = widths.slice(1).map((units, index): Layer => {
    const inputs = widths[index] ?? 0;
    const weight = (): number => (random() * 2 - 1) / Math.sqrt(inputs);
    return { weights: filled(units, () => filled(inputs, weight)), biases: filled(units, () => 0) };
  });
  return { means, deviations, layers };
}

/** Outputs of every layer, the standardised inputs first. */
function activations({ means, deviations, layers }: Model, sizes: readonly number[]): number[][] {
  const outputs = [
    sizes.map((size, column) => (size - (means[column] ?? 0)) / (deviations[column] ?? 1)),
  ];
  layers.forEach(({ weights, biases }, index) => {
    const inputs = outputs[index] ?? [];
    const sums = weights.map((row, unit) => dot(row, inputs) + (biases[unit] ?? 0));
    outputs.push(index === layers.length - 1 ? softmax(sums) : sums.map(Math.tanh));
  });
  return outputs;
}

/** One step of gradient descent on one flower; gives its loss before the step. */
function step(model: Model, flower: Flower, rate: number): number {
  const outputs = activations(model, flower.sizes);
  let errors = (outputs.at(-1) ?? []).map(
    (p, unit) => p - (SPECIES[unit] === flower.species ? 1 : 0),
  );
  for (let index = model.layers.length - 1; index >= 0; index -= 1) {
    const { weights = [], biases = [] } = model.layers[index] ?? {};
    const inputs = outputs[index] ?? [];
    const below = inputs.map((input, column) => {
      const sum = weights.reduce(
        (total, row, unit) => total + (row[column] ?? 0) * (errors[unit] ?? 0),
        0,
      );
      return sum * (1 - input ** 2);
    });
    errors.forEach((error, unit) => {
      const row = weights[unit] ?? [];
      inputs.forEach((input, column) => (row[column] = (row[column] ?? 0) - rate * error * input));
      biases[unit] = (biases[unit] ?? 0) - rate * error;
    });
    errors = below;
  }
  return entropy(outputs, flower);
}

function entropy(outputs: readonly (readonly number[])[], { species }: Flower): number {
  return -Math.log(Math.max(outputs.at(-1)?.[SPECIES.indexOf(species)] ?? 0, Number.EPSILON));
}

function softmax(sums: readonly number[]): number[] {
  const top = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function filled<T>(length: number, value: () => T): T[] {
  return Array.from({ length }, value);
}
