import { describe, test } from 'vitest';
import { isDeeperThan } from '../../../runtime/server/json-body.ts';

describe('the nesting of a JSON text', () => {
  test.for([
    ['1', 0],
    ['[]', 1],
    ['{"a":[{}]}', 3],
    ['[[],[[]],{}]', 3],
    ['["[[[[", "\\"[[", "\\\\"]', 1],
    ['{"[{":"]}"}', 1],
  ] as const)('of %s is %i', ([text, levels], { expect }) => {
    expect(isDeeperThan(text, levels)).toBe(false);
    if (levels > 0) expect(isDeeperThan(text, levels - 1)).toBe(true);
  });
});
