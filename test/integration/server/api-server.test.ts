import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { openListener } from '../../../runtime/server/listener.ts';
import { until } from '../../support/until.ts';
import { ServerRig, type Ask } from './server-rig.ts';

const replaceN = [{ op: 'replace', path: '/vars/n', value: 2 }];
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** What is asked, and the status and code that it must be answered with. */
const refusals: [
  what: string,
  method: string,
  path: string,
  ask: Ask,
  status: number,
  code: string,
][] = [
  ['a body that is no JSON', 'PATCH', '/state', { body: '{' }, 400, 'SERVER_REQUEST_MALFORMED'],
  [
    'a body of another type',
    'PATCH',
    '/state',
    { body: '[]', headers: { 'content-type': 'text/plain' } },
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  ['a patch that is no array', 'PATCH', '/state', { body: {} }, 400, 'STATE_PATCH_INVALID'],
  ['no patch at all', 'PATCH', '/state', {}, 400, 'STATE_PATCH_INVALID'],
  [
    'an unknown operation',
    'PATCH',
    '/state',
    { body: [{ op: 'set', path: '/vars/n', value: 1 }] },
    400,
    'STATE_PATCH_INVALID',
  ],
  [
    'a path that is no pointer',
    'PATCH',
    '/state',
    { body: [{ op: 'remove', path: 'vars/n' }] },
    400,
    'STATE_POINTER_INVALID',
  ],
  [
    'a __proto__ key in the body',
    'PATCH',
    '/state',
    { body: '[{"op":"add","path":"/vars/odd/x","value":{"__proto__":{"a":1}}}]' },
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  ['a pointer with a wrong escape', 'GET', '/state/vars/a~2', {}, 400, 'STATE_POINTER_INVALID'],
  [
    'a path with a wrong percent sign',
    'GET',
    '/state/vars/%ff',
    {},
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  ['a pointer of a query', 'GET', '/state?pointer=vars', {}, 400, 'STATE_POINTER_INVALID'],
  [
    'a pointer that is given twice',
    'GET',
    '/state?pointer=/vars&pointer=/calls',
    {},
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  [
    'a pointer in the path and in the query',
    'GET',
    '/state/vars?pointer=/vars',
    {},
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  [
    'a pointer of a query to a prototype',
    'GET',
    '/state?pointer=/__proto__',
    {},
    404,
    'SERVER_POINTER_UNKNOWN',
  ],
  ['a tail that is no number', 'GET', '/logs?tail=x', {}, 400, 'SERVER_REQUEST_MALFORMED'],
  ['a search in logs of nobody', 'GET', '/works/root.x/logs?search=a', {}, 404, 'WORK_UNKNOWN'],
  ['a limit that is no number', 'GET', '/history?limit=-1', {}, 400, 'SERVER_REQUEST_MALFORMED'],
  ['a limit that is too high', 'GET', '/history?limit=1e9', {}, 400, 'SERVER_REQUEST_MALFORMED'],
  ['a version that is no number', 'GET', '/history/x/state', {}, 400, 'SERVER_REQUEST_MALFORMED'],
  ['a version that is not there', 'GET', '/history/9999/state', {}, 404, 'SERVER_HISTORY_TRIMMED'],
  ['a plain request for a WebSocket', 'GET', '/ws', {}, 426, 'SERVER_UPGRADE_REQUIRED'],
  ['an unknown command', 'POST', '/commands/x', { body: {} }, 404, 'API_COMMAND_UNKNOWN'],
  [
    'events at a pointer to a prototype',
    'GET',
    '/stream?pointer=/__proto__',
    {},
    422,
    'STATE_KEY_FORBIDDEN',
  ],
  ['a path that climbs', 'GET', '/../../etc/passwd', {}, 404, 'SERVER_ROUTE_UNKNOWN'],
  ['a path that climbs in disguise', 'GET', '/%2e%2e/%2e%2e/etc', {}, 404, 'SERVER_ROUTE_UNKNOWN'],
  ['a pointer that climbs', 'GET', '/state/../../etc', {}, 404, 'SERVER_POINTER_UNKNOWN'],
  [
    'a constructor key in the body',
    'PATCH',
    '/state',
    { body: '[{"op":"add","path":"/vars/odd/x","value":{"constructor":{"prototype":{"a":1}}}}]' },
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  [
    "a patch of a work's internals",
    'PATCH',
    '/state',
    { body: [{ op: 'replace', path: '/works/train/calls/latest_call_hash', value: null }] },
    422,
    'SERVER_PATCH_REFUSED',
  ],
  [
    "a patch of a work's own variables",
    'PATCH',
    '/state',
    { body: [{ op: 'replace', path: '/works/train/vars/_url', value: 'http://evil.example' }] },
    422,
    'SERVER_PATCH_REFUSED',
  ],
  [
    'a value that is too large a number',
    'PATCH',
    '/state',
    { body: '[{"op":"replace","path":"/vars/n","value":1e999}]' },
    422,
    'STATE_PATCH_INVALID',
  ],
  [
    'a move between components',
    'PATCH',
    '/state',
    { body: [{ op: 'move', from: '/vars/n', path: '/works/train/vars/loss' }] },
    422,
    'SERVER_PATCH_REFUSED',
  ],
  ['an unknown type of event', 'GET', '/stream?types=all', {}, 400, 'SERVER_REQUEST_MALFORMED'],
  ['events at what is no pointer', 'GET', '/stream?pointer=vars', {}, 400, 'STATE_POINTER_INVALID'],
  [
    'a message that is no text',
    'POST',
    '/stop',
    { body: { message: 1 } },
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  [
    'a host of another name',
    'GET',
    '/state',
    { headers: { host: 'evil.example:80' } },
    403,
    'SERVER_HOST_REFUSED',
  ],
  [
    'a page of another site',
    'GET',
    '/state',
    { headers: { origin: 'https://evil.example' } },
    403,
    'SERVER_ORIGIN_REFUSED',
  ],
  [
    'a page without an origin',
    'GET',
    '/state',
    { headers: { origin: 'null' } },
    403,
    'SERVER_ORIGIN_REFUSED',
  ],
  [
    'another site at an unknown path',
    'GET',
    '/nothing',
    { headers: { origin: 'null' } },
    403,
    'SERVER_ORIGIN_REFUSED',
  ],
  ['an unknown path', 'GET', '/nothing', {}, 404, 'SERVER_ROUTE_UNKNOWN'],
  ['an unknown method', 'DELETE', '/state', {}, 404, 'SERVER_ROUTE_UNKNOWN'],
  ['an unknown pointer', 'GET', '/state/vars/nothing', {}, 404, 'SERVER_POINTER_UNKNOWN'],
  ['a pointer to a prototype', 'GET', '/state/__proto__', {}, 404, 'SERVER_POINTER_UNKNOWN'],
  [
    'an unknown field',
    'PATCH',
    '/state',
    { body: [{ op: 'add', path: '/vars/nothing', value: 1 }] },
    404,
    'SERVER_PATCH_TARGET_UNKNOWN',
  ],
  [
    'an unknown component',
    'PATCH',
    '/state',
    { body: [{ op: 'add', path: '/works/x/vars/n', value: 1 }] },
    404,
    'SERVER_PATCH_TARGET_UNKNOWN',
  ],
  ['an unknown work', 'POST', '/works/root.nothing/stop', {}, 404, 'WORK_UNKNOWN'],
  ['logs of an unknown work', 'GET', '/works/root.nothing/logs', {}, 404, 'WORK_UNKNOWN'],
  [
    'a stale ETag',
    'PATCH',
    '/state',
    { body: replaceN, headers: { 'if-match': '"0"' } },
    412,
    'SERVER_STATE_STALE',
  ],
  [
    'a body over the limit',
    'PATCH',
    '/state',
    { body: `"${'x'.repeat(17 * 1024 * 1024)}"` },
    413,
    'SERVER_BODY_TOO_LARGE',
  ],
  [
    'a value nested too deeply',
    'PATCH',
    '/state',
    { body: `[{"op":"replace","path":"/vars/n","value":${nested(400)}}]` },
    422,
    'STATE_PATCH_INVALID',
  ],
  [
    'a body nested without end',
    'PATCH',
    '/state',
    { body: nested(1_000_000) },
    400,
    'SERVER_REQUEST_MALFORMED',
  ],
  [
    'a patch of too many operations',
    'PATCH',
    '/state',
    { body: Array.from({ length: 20_001 }, () => ({ op: 'test', path: '/vars/n', value: 1 })) },
    400,
    'STATE_PATCH_INVALID',
  ],
  [
    'an endless pointer',
    'PATCH',
    '/state',
    { body: [{ op: 'copy', from: '/a'.repeat(10_000), path: '/vars/n' }] },
    400,
    'STATE_PATCH_INVALID',
  ],
  [
    'a patch that copies its copies',
    'PATCH',
    '/state',
    {
      body: Array.from({ length: 40 }, (_, n) => ({
        op: 'copy',
        from: '/vars/odd',
        path: `/vars/odd/${n}`,
      })),
    },
    422,
    'SERVER_PATCH_REFUSED',
  ],
  [
    'a patch of a prototype',
    'PATCH',
    '/state',
    { body: [{ op: 'add', path: '/vars/__proto__/x', value: 1 }] },
    422,
    'STATE_KEY_FORBIDDEN',
  ],
  [
    'the removal of a declared field',
    'PATCH',
    '/state',
    { body: [{ op: 'remove', path: '/vars/n' }] },
    422,
    'SERVER_PATCH_REFUSED',
  ],
  [
    'a patch of what is no field',
    'PATCH',
    '/state',
    { body: [{ op: 'add', path: '/app_state/stage', value: 'x' }] },
    422,
    'SERVER_PATCH_REFUSED',
  ],
  [
    'a test that fails',
    'PATCH',
    '/state',
    { body: [{ op: 'test', path: '/vars/n', value: 7 }] },
    422,
    'SERVER_PATCH_REFUSED',
  ],
];

describe('the HTTP API', () => {
  let rig: ServerRig;
  beforeAll(async () => {
    rig = await ServerRig.open();
  });
  afterAll(() => rig.close());

  test.for(refusals)('%s is refused', async ([, method, path, ask, status, code], { expect }) => {
    const answer = await rig.ask(method, path, ask);
    expect(answer).toMatchObject({
      status,
      body: { code, message: expect.any(String), hint: expect.any(String) },
    });
    expect(rig.loop.document()).toMatchObject({ vars: { n: 1 } });
  });

  test('a pointer in the path names a place, with its ETag', async ({ expect }) => {
    expect(await rig.ask('GET', '/state/vars/list/0')).toMatchObject({ status: 200, body: 'a' });
    expect(await rig.ask('GET', '/state/vars/odd/a%20b')).toMatchObject({ body: 1 });
    expect(await rig.ask('GET', '/state/vars/odd/x~1y')).toMatchObject({ body: 2 });
    expect(await rig.ask('GET', '/state/vars/odd/%C3%BC%25')).toMatchObject({ body: 3 });
    const { headers } = await rig.ask('GET', '/state/vars/odd');
    const again = await rig.ask('GET', '/state/vars/odd', {
      headers: { 'if-none-match': headers.etag ?? '' },
    });
    expect(again.status).toBe(304);
  });

  test('a pointer in the query names a place, also one that no path can name', async ({
    expect,
  }) => {
    await rig.loop.patch([{ op: 'add', path: '/vars/odd/..', value: 4 }]);
    const read = await rig.ask('GET', '/state?pointer=/vars/odd/..');
    expect(read).toMatchObject({ status: 200, body: 4 });
    expect(await rig.ask('GET', '/state?pointer=%2Fvars%2Fodd%2Fx~1y')).toMatchObject({ body: 2 });
    expect(await rig.ask('GET', '/state?pointer=')).toMatchObject({ body: { vars: { n: 1 } } });
    const asked = await rig.ask('HEAD', '/state?pointer=/vars/odd/..');
    expect(asked).toMatchObject({ status: 200, text: '', headers: { etag: read.headers.etag } });
    const headers = { 'if-none-match': read.headers.etag ?? '' };
    expect((await rig.ask('GET', '/state?pointer=/vars/odd/..', { headers })).status).toBe(304);
    await rig.loop.patch([{ op: 'remove', path: '/vars/odd/..' }]);
    expect((await rig.ask('GET', '/state?pointer=/vars/odd/..', { headers })).status).toBe(404);
  });

  test('what can be read can be asked for beforehand, without its content', async ({ expect }) => {
    for (const path of ['/state', '/status', '/works', '/layout', '/history', '/openapi.json']) {
      const read = await rig.ask('GET', path);
      const asked = await rig.ask('HEAD', path);
      expect({ path, status: asked.status, text: asked.text }).toEqual({
        path,
        status: 200,
        text: '',
      });
      for (const name of ['content-type', 'content-length', 'etag'])
        expect(asked.headers[name]).toBe(read.headers[name]);
    }
    expect((await rig.askRaw('HEAD', '/view')).status).toBe(200);
    for (const endless of ['/stream', '/logs', '/works/root.train/logs', '/ws'])
      expect((await rig.ask('HEAD', endless)).status).toBe(404);
    expect((await rig.ask('HEAD', '/state/nowhere')).status).toBe(404);
  });

  test('a page of this machine may use it', async ({ expect }) => {
    const headers = { origin: 'http://localhost:5173' };
    expect(
      (await rig.ask('GET', '/state', { headers })).headers['access-control-allow-origin'],
    ).toBe(headers.origin);
    const preflight = await rig.ask('OPTIONS', '/state', {
      headers: { ...headers, 'access-control-request-method': 'PATCH' },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE' },
    });
  });

  test('status and health are told', async ({ expect }) => {
    expect(await rig.ask('GET', '/status')).toMatchObject({
      body: { name: 'rig', stage: 'running', pid: process.pid },
    });
    expect(await rig.ask('GET', '/healthz')).toMatchObject({ status: 200 });
    expect(await rig.ask('GET', '/works')).toMatchObject({
      body: [
        { name: 'root.train', class: 'Train', startedAt: expect.any(Number) },
        { name: 'root.idle', statuses: [], startedAt: null },
      ],
    });
    const both = await Promise.all(
      ['', '?vars=0'].map((query) => rig.ask('GET', `/works${query}`)),
    );
    const [whole, bare] = both.map(({ body }) => body as Record<string, unknown>[]);
    expect(whole?.[0]?.['vars']).toHaveProperty('loss');
    expect(bare).toEqual(whole?.map((work) => ({ ...work, vars: undefined })));
    expect(bare?.[0]).not.toHaveProperty('vars');
  });
});

describe('changes over the HTTP API', () => {
  let rig: ServerRig;
  afterEach(() => rig.close());

  test('a patch is applied when the ETag of its place is current', async ({ expect }) => {
    rig = await ServerRig.open();
    const etag = (await rig.ask('GET', '/state/vars/list')).headers.etag ?? '';
    // Another place changes: it is no matter.
    expect(await rig.ask('PATCH', '/state', { body: replaceN })).toMatchObject({
      status: 200,
      body: { version: expect.any(Number) },
    });
    const body = [{ op: 'add', path: '/vars/list/-', value: 'b' }];
    const headers = { 'if-match': etag, 'content-type': 'application/json-patch+json' };
    expect((await rig.ask('PATCH', '/state', { body, headers })).status).toBe(200);
    expect((await rig.ask('PATCH', '/state', { body, headers })).status).toBe(412);
    expect(rig.loop.document()).toMatchObject({ vars: { n: 2, list: ['a', 'b'] } });
  });

  test('an ETag is of the content, and * is of any content', async ({ expect }) => {
    rig = await ServerRig.open();
    const patch = (path: string, value: unknown, ifMatch: string) =>
      rig.ask('PATCH', '/state', {
        body: [{ op: 'add', path, value }],
        headers: { 'if-match': ifMatch },
      });
    const etag = (await rig.ask('GET', '/state/vars/n')).headers.etag ?? '';
    for (const value of [8, 1]) await rig.loop.patch([{ op: 'replace', path: '/vars/n', value }]);
    expect((await patch('/vars/n', 2, etag)).status).toBe(200);
    expect((await patch('/vars/n', 3, '*')).status).toBe(200);
    expect((await patch('/vars/list/-', 'b', '*')).status).toBe(200);
    expect((await patch('/vars/limit', 1, '*')).status).toBe(412);
    expect((await patch('/vars/odd/new', 1, '*')).status).toBe(412);
  });

  test('a stale patch is answered with what is there instead, and its ETag', async ({ expect }) => {
    rig = await ServerRig.open();
    const headers = { 'if-match': (await rig.ask('GET', '/state/vars/n')).headers.etag ?? '' };
    await rig.loop.patch([{ op: 'replace', path: '/vars/n', value: 8 }]);
    const { headers: now } = await rig.ask('GET', '/state/vars/n');
    expect(await rig.ask('PATCH', '/state', { body: replaceN, headers })).toMatchObject({
      status: 412,
      body: { code: 'SERVER_STATE_STALE', current: 8, etag: now.etag },
    });
    const again = { 'if-match': now.etag ?? '' };
    expect((await rig.ask('PATCH', '/state', { body: replaceN, headers: again })).status).toBe(200);
    // A place that does not exist has no value, but what is above it has an ETag.
    const absent = [{ op: 'add', path: '/vars/limit', value: 1 }];
    const answer = await rig.ask('PATCH', '/state', { body: absent, headers });
    expect(answer).toMatchObject({ status: 412, body: { etag: expect.stringMatching(/^"\w+"$/) } });
    expect(answer.body).not.toHaveProperty('current');
  });

  test('a refused patch tells the reason of each operation, and nothing of it was applied', async ({
    expect,
  }) => {
    rig = await ServerRig.open();
    const body = [
      { op: 'replace', path: '/vars/n', value: 2 },
      { op: 'test', path: '/vars/list/0', value: 'b' },
      { op: 'remove', path: '/vars/list/0' },
    ];
    expect(await rig.ask('PATCH', '/state', { body })).toMatchObject({
      status: 422,
      body: {
        operations: [
          { index: 0, path: '/vars/n', ok: true },
          { index: 1, path: '/vars/list/0', ok: false, problem: 'test-failed' },
        ],
      },
    });
    expect(rig.loop.document()).toMatchObject({ vars: { n: 1, list: ['a'] } });
  });

  test('the past is told: who changed what, and what the state was', async ({ expect }) => {
    rig = await ServerRig.open();
    await until('the work runs', () => rig.work.isBusy);
    const headers = { 'stormkite-client': 'alice' };
    const { body: changed } = await rig.ask('PATCH', '/state', { body: replaceN, headers });
    const { version } = changed as { version: number };
    await rig.ask('PATCH', '/state', { body: [{ op: 'replace', path: '/vars/n', value: 3 }] });
    rig.work.set({ loss: 0.5 });
    await until('it is applied', () => rig.loop.works()[0]?.status.stage === 'running');
    const { body } = await rig.ask('GET', `/history?from=${version}&to=${version}`);
    expect(body).toMatchObject({
      turns: [
        {
          version,
          deltas: expect.arrayContaining([{ source: 'client', client: 'alice', ops: replaceN }]),
        },
      ],
    });
    expect(await rig.ask('GET', `/history/${version}/state`)).toMatchObject({
      status: 200,
      headers: { 'stormkite-version': String(version) },
      body: { vars: { n: 2 } },
    });
    expect(await rig.ask('GET', `/history/${version - 1}/state`)).toMatchObject({
      body: { vars: { n: 1 } },
    });
    const all = (await rig.ask('GET', '/history?limit=2')).body as { turns: object[] };
    expect(all).toMatchObject({ newest: rig.history.newest, oldest: rig.history.oldest });
    expect(all.turns).toHaveLength(2);
    expect(all.turns[1]).toMatchObject({ version: rig.history.newest });
  });

  test('an optional field can be added and removed', async ({ expect }) => {
    rig = await ServerRig.open();
    expect(
      (await rig.ask('PATCH', '/state', { body: [{ op: 'add', path: '/vars/limit', value: 1 }] }))
        .status,
    ).toBe(200);
    expect(
      (await rig.ask('PATCH', '/state', { body: [{ op: 'remove', path: '/vars/limit' }] })).status,
    ).toBe(200);
  });

  test('a work is stopped and started by its full name', async ({ expect }) => {
    rig = await ServerRig.open();
    await until('the work runs', () => rig.work.isBusy);
    expect(await rig.ask('POST', '/works/root.train/stop')).toMatchObject({
      status: 200,
      body: { work: 'root.train', command: 'stop' },
    });
    await until('the work is gone', () => !rig.work.isUp);
    expect((await rig.ask('POST', '/works/root.train/start')).status).toBe(200);
    await until('the work runs again', () => rig.work.isUp);
  });

  test('the app ends when it is asked to, and takes nothing after that', async ({ expect }) => {
    rig = await ServerRig.open();
    expect(await rig.ask('POST', '/stop', { body: { message: 'enough' } })).toMatchObject({
      status: 202,
    });
    expect(await rig.loop.ended).toMatchObject({ stage: 'stopped', message: 'enough' });
    for (const [method, path] of [
      ['PATCH', '/state'],
      ['POST', '/works/root.train/start'],
    ] as const) {
      const answer = await rig.ask(method, path, method === 'PATCH' ? { body: replaceN } : {});
      expect(answer).toMatchObject({ status: 422, body: { code: 'SERVER_APP_ENDED' } });
    }
    expect((await rig.ask('GET', '/state')).status).toBe(200);
  });

  test.for([
    '/logs?search=a&search=b',
    '/works/root.train/logs?tail=1&tail=2',
    '/history?limit=1&limit=2',
    '/history?limit=10001',
    '/history/x/state',
    '/stream?pointer=/vars&pointer=/works',
    '/stream?types=turn&types=log',
    '/logs?tail=-1',
    '/logs?tail=100001',
  ])('a query that says no one thing is refused (%s)', async (path, { expect }) => {
    rig = await ServerRig.open();
    expect(await rig.ask('GET', path)).toMatchObject({
      status: 400,
      body: { code: 'SERVER_REQUEST_MALFORMED' },
    });
  });

  test.for([{ message: 1 }, [], 'x', 7])(
    'a body that is none of what is documented is refused (%j)',
    async (body, { expect }) => {
      rig = await ServerRig.open();
      expect(await rig.ask('POST', '/stop', { body: JSON.stringify(body) })).toMatchObject({
        status: 400,
        body: { code: 'SERVER_REQUEST_MALFORMED' },
      });
      expect(rig.loop.stage).toBe('running');
    },
  );

  test('logs begin with the last lines and go on with new ones', async ({ expect }) => {
    rig = await ServerRig.open();
    const print = (line: string): void =>
      rig.logs.write({ source: 'root.train', stream: 'stdout', at: Date.now(), line });
    for (const line of ['one', 'two', 'three']) print(line);
    expect((await rig.ask('GET', '/works/root.train/logs?search=TW')).text).toMatch(
      /^[^\n]*"two"[^\n]*\n$/,
    );
    const tail = await rig.ask('GET', '/works/root.train/logs?tail=2');
    expect(
      tail.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ line: 'two' }, { line: 'three' }]);
    const live: string[] = [];
    const request = get(`${rig.url}/api/v1/works/root.train/logs?follow=1&tail=1`, (response) => {
      response
        .setEncoding('utf8')
        .on('data', (text: string) => live.push(text))
        .on('error', () => undefined);
    });
    await until('the tail is there', () => live.join('').includes('three'));
    print('four');
    await until('a new line is there', () => live.join('').includes('four'));
    expect(live.join('')).not.toContain('two');
    request.destroy();
  });

  test.for(['/logs', '/works/root.train/logs', '/stream'])(
    'a page of this machine may read %s, which stays open',
    async (path, { expect }) => {
      rig = await ServerRig.open();
      rig.logs.write({ source: 'root.train', stream: 'stdout', at: Date.now(), line: 'one' });
      const origin = 'http://localhost:5173';
      const asked = new AbortController();
      const response = await fetch(`${rig.url}/api/v1${path}`, {
        headers: { origin },
        signal: asked.signal,
      });
      asked.abort();
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-origin': origin,
        vary: 'origin',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
    },
  );

  test('closing ends open streams at once', async ({ expect }) => {
    rig = await ServerRig.open();
    const ended = new Promise<string>((resolve) => {
      get(`${rig.url}/api/v1/stream`, (response) => {
        response.resume().on('end', () => resolve('ended'));
        closing = rig.closeServer();
      });
    });
    let closing: Promise<void> = Promise.resolve();
    expect(await ended).toBe('ended');
    await closing;
  });
});

describe('openListener', () => {
  test('a port that was asked for and is taken is an error; without asking the next free one is taken', async ({
    expect,
    onTestFinished,
  }) => {
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await expect(openListener({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
    });
    const [first, second] = [
      await openListener({ host: '127.0.0.1' }),
      await openListener({ host: '127.0.0.1' }),
    ];
    expect(first.url).not.toBe(second.url);
    await Promise.all([first.close(), second.close()]);
  });

  test('an address that this machine does not have is an error', async ({ expect }) => {
    await expect(openListener({ host: '203.0.113.7', port: 0 })).rejects.toMatchObject({
      code: 'SERVER_ADDRESS_UNUSABLE',
    });
  });
});
