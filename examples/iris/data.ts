/** Fisher's iris flowers: 150 rows of `iris.csv`, split by species into three fixed parts. */
import { readFile } from 'node:fs/promises';
import { randomOf, shuffled } from './random.ts';

export const SPECIES = ['setosa', 'versicolor', 'virginica'] as const;
export type Species = (typeof SPECIES)[number];

export interface Flower {
  /** Sepal length, sepal width, petal length, petal width, in centimetres. */
  readonly sizes: readonly number[];
  readonly species: Species;
}

export interface Split {
  readonly train: Flower[];
  readonly validation: Flower[];
  readonly test: Flower[];
}

/** Shares of each species; the rest is the test part. */
const TRAIN_SHARE = 0.6;
const VALIDATION_SHARE = 0.2;

export async function readFlowers(): Promise<Flower[]> {
  const text = await readFile(new URL('iris.csv', import.meta.url), 'utf8');
  return text.trim().split('\n').slice(1).map(toFlower);
}

/** Splits so that every part holds the three species in equal numbers; the same seed gives the same parts. */
export function split(flowers: readonly Flower[], seed: number): Split {
  const random = randomOf(seed);
  const parts: Split = { train: [], validation: [], test: [] };
  for (const species of SPECIES) {
    const rows = shuffled(
      flowers.filter((flower) => flower.species === species),
      random,
    );
    const trainEnd = Math.round(rows.length * TRAIN_SHARE);
    const validationEnd = trainEnd + Math.round(rows.length * VALIDATION_SHARE);
    parts.train.push(...rows.slice(0, trainEnd));
    parts.validation.push(...rows.slice(trainEnd, validationEnd));
    parts.test.push(...rows.slice(validationEnd));
  }
  return parts;
}

function toFlower(line: string): Flower {
  const cells = line.split(',');
  const species = SPECIES.find((name) => name === cells.at(-1));
  const sizes = cells.slice(0, -1).map(Number);
  if (species === undefined || sizes.length !== 4 || !sizes.every(Number.isFinite)) {
    throw new Error(`iris.csv holds a row that is no flower: ${line}`);
  }
  return { sizes, species };
}
