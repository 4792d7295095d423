import { describe, test } from 'vitest';
import {
  toClientHeaders,
  toClientLocation,
  toUpstreamHeaders,
  toUpstreamPath,
  type ProxyPlace,
} from '../../../runtime/server/proxy-headers.ts';

const STRIPPED: ProxyPlace = {
  prefix: '/works/root.w',
  address: { host: '127.0.0.1', port: 8000 },
  isStripped: true,
};
const KEPT: ProxyPlace = { ...STRIPPED, isStripped: false };
const CREDENTIALS = {
  cookie: 'stormkite_token',
  isToken: (text: string): boolean => text === 'ours',
};

function sent(headers: Record<string, string>, place = STRIPPED) {
  const request = { headers, remoteAddress: '10.0.0.7', isEncrypted: false };
  return toUpstreamHeaders(request, place, CREDENTIALS);
}

describe('what reaches an upstream', () => {
  test('is what a page of its own would send', ({ expect }) => {
    const headers = sent({
      host: 'app.example:7501',
      origin: 'http://app.example:7501',
      referer: 'http://app.example:7501/works/root.w/lab?x=1',
      accept: 'text/html',
    });
    expect(headers).toEqual({
      host: '127.0.0.1:8000',
      origin: 'http://127.0.0.1:8000',
      referer: 'http://127.0.0.1:8000/lab?x=1',
      accept: 'text/html',
      'x-forwarded-for': '10.0.0.7',
      'x-forwarded-host': 'app.example:7501',
      'x-forwarded-proto': 'http',
      'x-forwarded-prefix': '/works/root.w',
    });
  });

  test('has the prefix where the upstream knows it', ({ expect }) => {
    const referer = 'http://a/works/root.w/lab';
    expect(sent({ host: 'a', referer }, KEPT)).toMatchObject({
      referer: 'http://127.0.0.1:8000/works/root.w/lab',
    });
    for (const headers of [{}, { 'x-forwarded-prefix': '/made-up' }])
      expect(sent({ host: 'a', ...headers }, KEPT)).not.toHaveProperty('x-forwarded-prefix');
    expect(toUpstreamPath('/lab?x=1', KEPT)).toBe('/works/root.w/lab?x=1');
    expect(toUpstreamPath('/lab?x=1', STRIPPED)).toBe('/lab?x=1');
  });

  test.for([
    [{ cookie: 'stormkite_token=ours' }, 'cookie', undefined],
    [{ cookie: 'a=1; stormkite_token=ours; b=2' }, 'cookie', 'a=1; b=2'],
    [{ authorization: 'Bearer ours' }, 'authorization', undefined],
    [{ authorization: 'bearer  ours' }, 'authorization', undefined],
    [{ authorization: 'token theirs' }, 'authorization', 'token theirs'],
    [{ referer: 'http://a/works/root.w/?token=ours' }, 'referer', undefined],
    [{ referer: 'http://a/view' }, 'referer', undefined],
  ] as const)('never has our credentials: %o', ([headers, name, value], { expect }) => {
    expect(sent({ host: 'a', ...headers })[name]).toBe(value);
  });

  test('has nothing that belongs to one connection', ({ expect }) => {
    const names = {
      connection: 'close, x-own',
      'x-own': '1',
      'keep-alive': '1',
      te: 'trailers',
      'transfer-encoding': 'chunked',
      upgrade: 'h2c',
      'http2-settings': 'x',
      'proxy-authorization': 'x',
      expect: '100-continue',
    };
    const headers = sent({ host: 'a', ...names });
    for (const name of Object.keys(names)) expect(headers).not.toHaveProperty(name);
  });

  test('keeps the length of its body, whatever the sender says of it', ({ expect }) => {
    const headers = sent({ host: 'a', connection: 'content-length', 'content-length': '5' });
    expect(headers['content-length']).toBe('5');
  });
});

describe('what reaches the browser', () => {
  test.for([
    ['/there', STRIPPED, '/works/root.w/there'],
    ['/', STRIPPED, '/works/root.w/'],
    ['/works/root.w/there', STRIPPED, '/works/root.w/there'],
    ['/works/root.w2/there', STRIPPED, '/works/root.w/works/root.w2/there'],
    ['http://127.0.0.1:8000/there?x=1', STRIPPED, '/works/root.w/there?x=1'],
    ['http://127.0.0.1:8000', STRIPPED, '/works/root.w/'],
    ['http://127.0.0.1:80001/there', STRIPPED, 'http://127.0.0.1:80001/there'],
    ['there', STRIPPED, 'there'],
    ['https://example.org/a', STRIPPED, 'https://example.org/a'],
    ['//example.org/a', STRIPPED, '//example.org/a'],
    ['/works/root.w/there', KEPT, '/works/root.w/there'],
    ['http://127.0.0.1:8000/works/root.w/', KEPT, '/works/root.w/'],
  ] as const)('a redirect to %s leads to the same place', ([location, place, seen], { expect }) => {
    expect(toClientLocation(location, place)).toBe(seen);
  });

  test('cookies stay below the prefix, and ours cannot be set', ({ expect }) => {
    const cookies = [
      'sid=1; Path=/; Domain=127.0.0.1; HttpOnly',
      'lab=1; path=/lab',
      'bare=1',
      'own=1; Path=/works/root.w/x',
      'stormkite_token=evil; Path=/',
    ];
    expect(toClientHeaders({ 'set-cookie': cookies }, STRIPPED, CREDENTIALS)['set-cookie']).toEqual(
      [
        'sid=1; Path=/works/root.w/; HttpOnly',
        'lab=1; Path=/works/root.w/lab',
        'bare=1; Path=/works/root.w/',
        'own=1; Path=/works/root.w/x',
      ],
    );
    expect(
      toClientHeaders({ 'set-cookie': ['a=1; Path=/else'] }, KEPT, CREDENTIALS)['set-cookie'],
    ).toEqual(['a=1; Path=/works/root.w/']);
  });

  test('nothing holds for the whole origin', ({ expect }) => {
    const headers = {
      'strict-transport-security': 'max-age=1',
      'clear-site-data': '"*"',
      'alt-svc': 'h2=":1"',
      'service-worker-allowed': '/',
      connection: 'keep-alive',
      'content-type': 'text/plain',
      'x-frame-options': 'SAMEORIGIN',
    };
    expect(toClientHeaders(headers, STRIPPED, CREDENTIALS)).toEqual({
      'content-type': 'text/plain',
      'x-frame-options': 'SAMEORIGIN',
    });
  });

  test('a page may be framed by our own, unless it says otherwise', ({ expect }) => {
    const policyOf = (headers: Record<string, string>): unknown =>
      toClientHeaders(headers, STRIPPED, CREDENTIALS)['content-security-policy'];
    const page = { 'content-type': 'text/html; charset=utf-8' };
    expect(policyOf(page)).toBe("frame-ancestors 'self'");
    expect(policyOf({ ...page, 'content-security-policy': 'object-src *' })).toBe(
      "object-src *, frame-ancestors 'self'",
    );
    const own = 'frame-ancestors https://portal.example';
    expect(policyOf({ ...page, 'content-security-policy': own })).toBe(own);
    expect(policyOf({ ...page, 'x-frame-options': 'DENY' })).toBe(undefined);
    expect(policyOf({ 'content-type': 'image/png' })).toBe(undefined);
  });

  test('a service worker stays below the prefix', ({ expect }) => {
    const below = { 'service-worker-allowed': '/works/root.w/' };
    expect(toClientHeaders(below, KEPT, CREDENTIALS)).toEqual(below);
  });
});
