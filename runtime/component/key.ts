import { appError } from '../errors/index.ts';

const MAX_KEY_LENGTH = 128;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype', 'then']);

/**
 * Checks the last segment of a component's name: it stands in names, file names, URLs and AWS names.
 *
 * @throws `COMPONENT_KEY_INVALID`
 */
export function checkKey(key: string): void {
  const problem = keyProblem(key);
  if (problem !== null) throw appError('COMPONENT_KEY_INVALID', { key, problem });
}

function keyProblem(key: string): string | null {
  if (key === '') return 'it is empty';
  if (key.length > MAX_KEY_LENGTH) return `it is longer than ${MAX_KEY_LENGTH} characters`;
  if (FORBIDDEN.has(key)) return 'this word is reserved';
  if (/[./]/.test(key)) return 'it contains "." or "/"';
  if (/\p{Cs}/u.test(key)) return 'it contains half of a surrogate pair';
  return /\p{Cc}/u.test(key) ? 'it contains a control character' : null;
}
