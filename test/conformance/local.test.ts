import { describe, test } from 'vitest';
import { cases } from './cases.ts';
import { compared, expected } from './observe.ts';
import { runLocally } from './run-cli.ts';

describe.concurrent('local', () => {
  for (const wanted of cases) {
    const reason = wanted.except?.local;
    if (reason !== undefined)
      test(`${wanted.title} (not locally: ${reason})`, ({ skip }) => skip(reason));
    else
      test(wanted.title, async ({ expect }) => {
        expect(compared(await runLocally(wanted), wanted)).toEqual(expected(wanted));
      });
  }
});
