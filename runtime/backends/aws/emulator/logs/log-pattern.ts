/**
 * The unstructured filter patterns of CloudWatch Logs: all terms must occur, `?term` one of those marked so, `-term` none;
 * quotes keep a term whole; `%expression%` is a regular expression. JSON patterns (`{ … }`) are not understood.
 */
import { ServiceError } from '../service-error.ts';

const TERM = /([-?]?)(?:"([^"]*)"|%([^%]*)%|(\S+))/g;

export function toLogPattern(pattern: string): (message: string) => boolean {
  const text = pattern.trim();
  if (text.startsWith('{') || text.startsWith('['))
    throw new ServiceError(
      'InvalidParameterException',
      'The emulator understands filter patterns of plain terms only.',
    );
  const terms = [...text.matchAll(TERM)].map(([, mark = '', quoted, expression, plain]) => ({
    mark,
    occurs: toTest(expression, quoted ?? plain ?? ''),
  }));
  const optional = terms.filter(({ mark }) => mark === '?');
  return (message) =>
    terms.every(({ mark, occurs }) => mark === '?' || occurs(message) === (mark !== '-')) &&
    (optional.length === 0 || optional.some(({ occurs }) => occurs(message)));
}

function toTest(expression: string | undefined, term: string): (message: string) => boolean {
  if (expression === undefined) return (message) => message.includes(term);
  const pattern = toPattern(expression);
  return (message) => pattern.test(message);
}

function toPattern(expression: string): RegExp {
  try {
    return new RegExp(expression);
  } catch {
    throw new ServiceError(
      'InvalidParameterException',
      `Invalid regular expression in the filter pattern: %${expression}%`,
    );
  }
}
