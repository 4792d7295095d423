import type { Row } from './benchmark.ts';

/** A measured row, or why there is none. */
export type Result =
  | ({
      readonly benchmark: string;
      readonly met: boolean | null;
      /** The machine's load average when it ended; above its number of cores others took time from it. */
      readonly load: number;
    } & Row)
  | { readonly benchmark: string; readonly error: string };

const HEAD = ['benchmark', 'what', 'measured', 'budget', 'met', 'baseline', 'load', 'note'];

/** Results as a table for people, in Markdown. */
export function formatRows(results: readonly Result[]): string {
  const lines = [HEAD, ...results.map((result) => toCells(result))];
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  const [head = [], ...rows] = lines;
  return [head, rule, ...rows]
    .map((cells) => widths.map((width, column) => (cells[column] ?? '').padEnd(width)))
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function toCells(result: Result): string[] {
  if ('error' in result) return [result.benchmark, `failed: ${result.error.split('\n')[0] ?? ''}`];
  const { benchmark, what, value, unit, budget, met, baseline, load, note = '' } = result;
  return [
    benchmark,
    what,
    formatNumber(value, unit),
    budget === undefined
      ? ''
      : 'most' in budget
        ? `<= ${formatNumber(budget.most, unit)}`
        : `>= ${formatNumber(budget.least, unit)}`,
    met === null ? '' : met ? 'yes' : 'NO',
    baseline === undefined
      ? ''
      : `${formatNumber(baseline.value, baseline.unit ?? unit)} ${baseline.what}`,
    String(load),
    note,
  ];
}

function formatNumber(value: number, unit: string): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${unit}`;
}
