import { hostname } from 'node:os';
import { describe, test } from 'vitest';
import { Access, isLoopback, tokenFor } from '../../../runtime/server/access.ts';

const none = {
  isPreflight: false,
  host: 'localhost:7501',
  origin: undefined,
  authorization: undefined,
  cookie: undefined,
  address: '192.0.2.1',
  tokenInUrl: undefined,
};

describe('Access', () => {
  const local = new Access('127.0.0.1', null);

  test.for([
    'localhost',
    'localhost:1',
    '127.0.0.1:7501',
    '127.9.9.9',
    '[::1]:7501',
    'app.localhost',
  ])('%s is this machine', (host, { expect }) => {
    expect(local.check({ ...none, host })).toBe(null);
  });

  test.for([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.0.1',
    'a b',
    'evil.example@127.0.0.1',
    '127.0.0.1/evil.example',
    'localhost#evil.example',
  ])('the host %s is refused', (host, { expect }) => {
    expect(local.check({ ...none, host })).toMatchObject({ code: 'SERVER_HOST_REFUSED' });
  });

  test.for([
    'null',
    'https://evil.example',
    'file://',
    'chrome-extension://abc',
    'http://localhost.evil.example',
  ])('the origin %s is refused', (origin, { expect }) => {
    expect(local.check({ ...none, origin })).toMatchObject({ code: 'SERVER_ORIGIN_REFUSED' });
  });

  test('a server for others knows its own names and wants its token', ({ expect }) => {
    const open = new Access('0.0.0.0', 'secret');
    expect(open.check({ ...none, host: hostname(), authorization: 'Bearer secret' })).toBe(null);
    expect(open.check({ ...none, host: hostname(), tokenInUrl: 'secret' })).toBe(null);
    expect(open.check({ ...none, authorization: 'Bearer secre' })).toMatchObject({
      code: 'SERVER_TOKEN_REFUSED',
    });
    expect(open.check(none)).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
    expect(
      open.check({ ...none, host: 'evil.example', authorization: 'Bearer secret' }),
    ).toMatchObject({ code: 'SERVER_HOST_REFUSED' });
    expect(open.check({ ...none, isPreflight: true })).toBe(null);
  });

  test('the cookie counts for pages of the app alone, a header for all', ({ expect }) => {
    const open = new Access('0.0.0.0', 'secret');
    const cookie = 'stormkite_token=secret';
    const asked = { ...none, host: 'localhost:7501', cookie };
    expect(open.check(asked)).toBe(null);
    expect(open.check({ ...asked, origin: 'http://localhost:7501' })).toBe(null);
    const behindTls = { ...asked, host: 'localhost' };
    expect(open.check({ ...behindTls, origin: 'https://localhost' })).toBe(null);
    for (const origin of ['http://localhost:8888', 'http://127.0.0.1:7501', 'http://localhost'])
      expect(open.check({ ...asked, origin })).toMatchObject({ code: 'SERVER_ORIGIN_REFUSED' });
    const origin = 'http://localhost:8888';
    const authorization = 'Bearer secret';
    expect(open.check({ ...asked, origin, authorization })).toBe(null);
    expect(open.check({ ...none, origin })).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
  });

  test('only loopback goes without a token', ({ expect }) => {
    expect([
      isLoopback('127.0.0.1'),
      isLoopback('::1'),
      isLoopback('0.0.0.0'),
      isLoopback('::'),
    ]).toEqual([true, true, false, false]);
    expect(tokenFor('127.0.0.1')).toBe(null);
    expect(tokenFor('0.0.0.0')).not.toBe(tokenFor('0.0.0.0'));
  });
});
