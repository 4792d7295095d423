import { appError } from '../errors/index.ts';

/** A whole number of a query or path; `undefined` when it is not given. @throws `SERVER_REQUEST_MALFORMED` */
export function parseCount(
  name: string,
  text: string | undefined,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? 'from 0 on' : `from 0 to ${max}`;
  throw appError('SERVER_REQUEST_MALFORMED', {
    problem: `${name} must be a whole number ${range}`,
  });
}
