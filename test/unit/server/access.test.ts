import { hostname } from 'node:os';
import { describe, test } from 'vitest';
import { Access, isLoopback, parseHosts, tokenFor } from '../../../runtime/server/access.ts';

const none = {
  isOpen: false,
  host: 'localhost:7501',
  origin: undefined,
  authorization: undefined,
  cookie: undefined,
  address: '192.0.2.1',
  tokenInUrl: undefined,
  forwardedFor: undefined,
};

describe('Access', () => {
  const local = new Access({ host: '127.0.0.1', token: null });

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
    const open = new Access({ host: '0.0.0.0', token: 'secret' });
    expect(open.check({ ...none, host: hostname(), authorization: 'Bearer secret' })).toBe(null);
    expect(open.check({ ...none, host: hostname(), tokenInUrl: 'secret' })).toBe(null);
    expect(open.check({ ...none, authorization: 'Bearer secre' })).toMatchObject({
      code: 'SERVER_TOKEN_REFUSED',
    });
    expect(open.check(none)).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
    expect(
      open.check({ ...none, host: 'evil.example', authorization: 'Bearer secret' }),
    ).toMatchObject({ code: 'SERVER_HOST_REFUSED' });
    expect(open.check({ ...none, isOpen: true })).toBe(null);
  });

  describe('behind something that has names of its own', () => {
    const hosts = parseHosts('shop.example, Shop-1.elb.example');
    const authorization = 'Bearer secret';
    const asked = { ...none, host: 'shop.example', authorization };
    const server = () => new Access({ host: '0.0.0.0', token: 'secret', hosts });

    test('is called by them, and by no other', ({ expect }) => {
      const access = server();
      expect(access.check(asked)).toBe(null);
      expect(access.check({ ...asked, host: 'shop-1.elb.example:443' })).toBe(null);
      expect(access.check({ ...asked, host: 'evil.example' })).toMatchObject({
        code: 'SERVER_HOST_REFUSED',
      });
      expect(access.check({ ...asked, authorization: undefined })).toMatchObject({
        code: 'SERVER_TOKEN_REFUSED',
      });
    });

    test('is used by pages that were read there', ({ expect }) => {
      const access = server();
      const cookie = 'stormkite_token=secret';
      const page = { ...none, host: 'shop.example', cookie };
      expect(access.check({ ...page, origin: 'https://shop.example' })).toBe(null);
      for (const origin of ['https://evil.example', 'null'])
        expect(access.check({ ...page, origin })).toMatchObject({ code: 'SERVER_ORIGIN_REFUSED' });
    });

    test('locks out who guesses, not everybody behind the load balancer', ({ expect }) => {
      const access = server();
      const guess = { ...asked, forwardedFor: '198.51.100.9, 203.0.113.7' };
      for (let n = 0; n < 10; n += 1)
        access.check({ ...guess, authorization: `Bearer guess ${n}` });
      expect(access.check(guess)).toMatchObject({ code: 'SERVER_TOKEN_LIMITED' });
      // What the client itself says stands further left.
      expect(access.check({ ...asked, forwardedFor: '203.0.113.7, 203.0.113.8' })).toBe(null);
    });

    test('a header that nobody in front has written counts for nothing', ({ expect }) => {
      const access = new Access({ host: '0.0.0.0', token: 'secret', hosts: ['*'] });
      for (let n = 0; n < 10; n += 1)
        access.check({ ...asked, authorization: `Bearer ${n}`, forwardedFor: `203.0.113.${n}` });
      expect(access.check(asked)).toMatchObject({ code: 'SERVER_TOKEN_LIMITED' });
    });

    test('where every name is its own, pages of other names still are not', ({ expect }) => {
      const access = new Access({ host: '0.0.0.0', token: 'secret', hosts: parseHosts('*') });
      const page = { ...none, host: '203.0.113.7:8080', authorization };
      expect(access.check(page)).toBe(null);
      expect(access.check({ ...page, origin: 'http://203.0.113.7:8080' })).toBe(null);
      expect(access.check({ ...page, origin: 'http://evil.example' })).toMatchObject({
        code: 'SERVER_ORIGIN_REFUSED',
      });
    });
  });

  test('every wrong token of a request is a guess', ({ expect }) => {
    const open = new Access({ host: '0.0.0.0', token: 'secret' });
    const guesses = (from: number) =>
      Array.from({ length: 4 }, (_, n) => `stormkite_token=${from + n}`).join('; ');
    const ask = (from: number) =>
      open.check({ ...none, cookie: guesses(from), authorization: `Bearer ${from}x` });
    expect(ask(0)).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
    expect(ask(0)).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
    expect(ask(10)).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
    expect(ask(20)).toMatchObject({ code: 'SERVER_TOKEN_LIMITED' });
  });

  test('the cookie counts for pages of the app alone, a header for all', ({ expect }) => {
    const open = new Access({ host: '0.0.0.0', token: 'secret' });
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
