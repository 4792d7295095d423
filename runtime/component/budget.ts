import { appError } from '../errors/index.ts';

/** What may be spent on machines. Locally nothing is. */
export interface Budget {
  /** Dollars in a day (UTC). Once they are spent nothing more is started until the next day; what runs goes on. */
  readonly dollarsPerDay: number;
}

/** @throws `APP_OPTION_INVALID` */
export function parseBudget(value: unknown, option: string): Budget | null {
  if (value === undefined || value === null) return null;
  const dollars: unknown = Object(value)['dollarsPerDay'];
  if (typeof dollars === 'number' && Number.isFinite(dollars) && dollars >= 0)
    return { dollarsPerDay: dollars };
  throw appError('APP_OPTION_INVALID', {
    option,
    value: JSON.stringify(value),
    allowed: '{ dollarsPerDay: 5 }, with a number that is 0 or more',
  });
}
