/** Asking the served model, and the table that the demo ends with. */
import type { Flower, Species } from './data.ts';
import type { Prediction } from './model.ts';

export interface Answer extends Prediction {
  readonly sizes: readonly number[];
  readonly truth: Species;
}

interface Candidate {
  readonly props: { readonly hidden: readonly number[]; readonly rate: number };
  readonly loss: number | null;
  readonly validationLoss: number | null;
  readonly accuracy: number | null;
}

const SIZES = 4;
/** Served predictions that the report shows, spread over the test rows. */
const SHOWN = 3;

/** The sizes in a request's query; `null` when they are no four numbers. */
export function toSizes(url = ''): number[] | null {
  const sizes = new URLSearchParams(url.split('?')[1]).get('sizes')?.split(',').map(Number) ?? [];
  return sizes.length === SIZES && sizes.every(Number.isFinite) ? sizes : null;
}

/** Sends one flower to the served model. */
export async function ask(url: string, { sizes, species: truth }: Flower): Promise<Answer> {
  const response = await fetch(`${url}/?sizes=${sizes.join()}`);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const { species, probability } = (await response.json()) as Prediction;
  return { sizes, truth, species, probability };
}

export function report(
  candidates: Iterable<[string, Candidate]>,
  chosen: string,
  answers: readonly Answer[],
  url: string,
): string {
  const correct = answers.filter(({ species, truth }) => species === truth).length;
  const shown = answers
    .filter((_, index) => index % Math.floor(answers.length / SHOWN) === 0)
    .slice(0, SHOWN);
  return [
    '',
    row('candidate', 'hidden', 'rate', 'train loss', 'valid. loss', 'valid. accuracy'),
    ...[...candidates].map(([name, { props, loss, validationLoss, accuracy }]) =>
      row(
        name === chosen ? `${name} *` : name,
        props.hidden.join('x') || 'none',
        String(props.rate),
        loss?.toFixed(4) ?? '',
        validationLoss?.toFixed(4) ?? '',
        percent(accuracy ?? 0),
      ),
    ),
    '',
    `* chosen, served at ${url}`,
    ...shown.map(
      ({ sizes, species, probability, truth }) =>
        `  ${sizes.map((size) => size.toFixed(1)).join('  ')}  is ${species} (${percent(probability)}); it is ${truth}`,
    ),
    `test accuracy ${percent(correct / answers.length)}: ${correct} of ${answers.length} unseen flowers`,
  ].join('\n');
}

function row(name: string, ...cells: string[]): string {
  const widths = [6, 7, 12, 13, 17];
  return name.padEnd(12) + cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
