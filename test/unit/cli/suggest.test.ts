import { describe, test } from 'vitest';
import { suggest } from '../../../cli/suggest.ts';

describe('suggest', () => {
  const words = ['run', 'ps', 'logs', 'state', 'stop', 'start', 'inspect'];

  test.for([
    ['rnu', 'run'],
    ['log', 'logs'],
    ['ins', 'inspect'],
    ['stpo', 'stop'],
    ['xyzzy', null],
    ['', null],
  ] as const)('%s means %s', ([given, meant], { expect }) => {
    expect(suggest(given, words)).toBe(meant);
  });
});
