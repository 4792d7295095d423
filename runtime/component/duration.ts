import { appError } from '../errors/index.ts';

/** A length of time: milliseconds, or text such as `"90 s"`, `"5 minutes"`, `"1h30m"`. */
export type Duration = number | string;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  seconds: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
};

const PART = /\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*/gy;

/**
 * Reads a duration as milliseconds.
 *
 * @throws `APP_OPTION_INVALID` for a negative or non-finite number and for text that is not a duration
 */
export function parseDuration(value: Duration, option: string): number {
  if (typeof value === 'number') {
    if (Number.isFinite(value) && value >= 0) return value;
  } else if (typeof value === 'string') {
    const ms = parseText(value.toLowerCase());
    if (ms !== null) return ms;
  }
  throw appError('APP_OPTION_INVALID', {
    option,
    value: String(value),
    allowed: 'milliseconds, or text such as "90 s", "5 minutes" or "1h30m"',
  });
}

function parseText(text: string): number | null {
  let total = 0;
  let end = 0;
  PART.lastIndex = 0;
  for (let match = PART.exec(text); match !== null; match = PART.exec(text)) {
    const unitMs = UNIT_MS[match[2] ?? ''];
    if (unitMs === undefined) return null;
    total += Number(match[1]) * unitMs;
    end = PART.lastIndex;
  }
  return end > 0 && end === text.length ? total : null;
}
