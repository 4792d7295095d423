import { afterAll, beforeAll, describe, test } from 'vitest';
import { openLocal } from '../support/dynamodb.ts';
import { cases } from './cases.ts';
import { compared, expected } from './observe.ts';
import { runEmulated } from './run-cli.ts';

/** An app takes seconds to boot, most of which it waits. */
const TIMEOUT_MS = 180_000;

describe.concurrent('emulated AWS', () => {
  let local: Awaited<ReturnType<typeof openLocal>>;
  beforeAll(async () => {
    local = await openLocal();
  });
  afterAll(async () => {
    if ('close' in local) await local.close();
  });

  for (const wanted of cases) {
    const reason = wanted.except?.['emulated AWS'];
    if (reason !== undefined)
      test(`${wanted.title} (not on AWS: ${reason})`, ({ skip }) => skip(reason));
    else
      test(wanted.title, { timeout: TIMEOUT_MS }, async ({ expect, skip }) => {
        if ('missing' in local) return skip(local.missing);
        const seen = await runEmulated(wanted, local.endpoint);
        expect(compared(seen, wanted)).toEqual(expected(wanted));
      });
  }
});
