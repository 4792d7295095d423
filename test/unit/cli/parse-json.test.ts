import { describe, test } from 'vitest';
import { parseJson, parseJsonOrText } from '../../../cli/parse-json.ts';
import { codeOf } from '../state/code-of.ts';

describe('a value on the command line', () => {
  test('is JSON', ({ expect }) => {
    expect(parseJson('{"a":[1,-2.5e3,null,"x"]}')).toEqual({ a: [1, -2500, null, 'x'] });
    expect(codeOf(() => parseJson('seven'))).toBe('CLI_VALUE_NOT_JSON');
  });

  test('may be text where words are taken', ({ expect }) => {
    expect(parseJsonOrText('bob')).toBe('bob');
    expect(parseJsonOrText('Infinity')).toBe('Infinity');
    expect(parseJsonOrText('true')).toBe(true);
  });

  test.for(['1e400', '-1e400', '[1,[1e400]]', '{"a":{"b":1e400}}'])(
    'is refused when it has a number too large to be kept: %s',
    (text, { expect }) => {
      expect(codeOf(() => parseJson(text))).toBe('CLI_VALUE_NOT_JSON');
      expect(codeOf(() => parseJsonOrText(text))).toBe('CLI_VALUE_NOT_JSON');
    },
  );
});
