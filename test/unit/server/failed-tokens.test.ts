import { describe, test } from 'vitest';
import { FailedTokens } from '../../../runtime/server/failed-tokens.ts';

describe('FailedTokens', () => {
  test('refuses an address after ten wrong tokens, for what is left of the minute', ({
    expect,
  }) => {
    let now = 1_000;
    const failed = new FailedTokens(() => now);
    for (let n = 0; n < 9; n += 1) failed.failed('192.0.2.1', `guess ${n}`);
    expect(failed.blockedSeconds('192.0.2.1')).toBe(0);
    failed.failed('192.0.2.1', 'guess 9');
    expect(failed.blockedSeconds('192.0.2.1')).toBe(60);
    expect(failed.blockedSeconds('192.0.2.2')).toBe(0);
    now += 45_500;
    expect(failed.blockedSeconds('192.0.2.1')).toBe(15);
    now += 15_000;
    expect(failed.blockedSeconds('192.0.2.1')).toBe(0);
    failed.failed('192.0.2.1', 'guess 10');
    expect(failed.blockedSeconds('192.0.2.1')).toBe(0);
  });

  test('counts a token that comes again as one guess', ({ expect }) => {
    const failed = new FailedTokens(() => 0);
    for (let n = 0; n < 100; n += 1) failed.failed('192.0.2.1', 'of an earlier run');
    expect(failed.blockedSeconds('192.0.2.1')).toBe(0);
    for (let n = 0; n < 9; n += 1) failed.failed('192.0.2.1', `guess ${n}`);
    expect(failed.blockedSeconds('192.0.2.1')).toBe(60);
  });

  test('forgets the addresses that failed longest ago before it fills memory', ({ expect }) => {
    const failed = new FailedTokens(() => 0);
    for (let n = 0; n < 10; n += 1) failed.failed('first', `guess ${n}`);
    expect(failed.blockedSeconds('first')).toBeGreaterThan(0);
    for (let n = 0; n < 10_000; n += 1) failed.failed(`192.0.2.${n}`, 'guess');
    expect(failed.blockedSeconds('first')).toBe(0);
  });
});
