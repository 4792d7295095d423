/** Who may use a server that others can reach, over raw HTTP and raw WebSockets. */
import { connect } from 'node:net';
import { afterEach, describe, test } from 'vitest';
import { WebSocket } from 'ws';
import { Flow } from '../../../runtime/component/flow.ts';
import type { ApiRoute } from '../../../runtime/component/flow-options.ts';
import { ServerRig, type Ask } from './server-rig.ts';

const TOKEN = 'secret-token';
const bearer = (token: string): Ask => ({ headers: { authorization: `Bearer ${token}` } });
const cookie = (text: string): Ask => ({ headers: { cookie: text } });

describe('a server that others can reach', () => {
  let rig: ServerRig;
  afterEach(() => rig.close());

  test('every request needs the token, in a header or the cookie', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    const refused: Ask[] = [
      {},
      bearer('wrong'),
      bearer(`${TOKEN}x`),
      { headers: { authorization: TOKEN } },
      cookie('stormkite_token=wrong'),
      cookie(`other=${TOKEN}`),
    ];
    for (const ask of refused) {
      const answer = await rig.ask('GET', '/status', ask);
      expect(answer).toMatchObject({ status: 401, body: { code: 'SERVER_TOKEN_REFUSED' } });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    for (const ask of [
      bearer(TOKEN),
      cookie(`stormkite_token=${TOKEN}`),
      cookie(`a=b; stormkite_token=stale; stormkite_token=${TOKEN}`),
      // What is proxied has an Authorization of its own.
      { headers: { authorization: 'token jupyter', cookie: `stormkite_token=${TOKEN}` } },
    ])
      expect((await rig.ask('GET', '/status', ask)).status).toBe(200);
    expect((await rig.askRaw('GET', '/nothing', {})).status).toBe(401);
    expect((await rig.askRaw('GET', '/%ff', {})).status).toBe(401);
    expect((await rig.askRaw('GET', '/%ff', bearer(TOKEN))).status).toBe(400);
  });

  test('tells everybody that it lives, and whoever sends a token whether it is right', async ({
    expect,
  }) => {
    rig = await ServerRig.open({ token: TOKEN });
    for (const method of ['GET', 'HEAD'])
      expect((await rig.ask(method, '/healthz')).status).toBe(200);
    expect((await rig.ask('GET', '/healthz', bearer(TOKEN))).status).toBe(200);
    expect((await rig.ask('GET', '/healthz', bearer('wrong'))).status).toBe(401);
    expect((await rig.ask('GET', '/healthz?x')).status).toBe(401);
    expect((await rig.ask('POST', '/healthz')).status).toBe(401);
    const foreign = { headers: { host: 'evil.example' } };
    expect((await rig.ask('GET', '/healthz', foreign)).status).toBe(403);
  });

  test('a cookie that comes by HTTPS goes by HTTPS only', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN, host: '0.0.0.0', hosts: ['shop.example'] });
    const headers = { host: 'shop.example', 'x-forwarded-proto': 'https' };
    const { headers: answered } = await rig.askRaw('GET', `/view?token=${TOKEN}`, { headers });
    expect(answered['set-cookie']).toEqual([
      `stormkite_token=${TOKEN}; HttpOnly; SameSite=Strict; Secure; Path=/`,
    ]);
  });

  test('a URL carries the token to a page once, never to the API', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    expect((await rig.ask('GET', `/status?token=${TOKEN}`)).status).toBe(401);
    const first = await rig.askRaw('GET', `/view?tab=2&token=${TOKEN}&x=%20`);
    expect(first).toMatchObject({
      status: 303,
      headers: {
        location: '/view?tab=2&x=+',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'set-cookie': [`stormkite_token=${TOKEN}; HttpOnly; SameSite=Strict; Path=/`],
      },
      text: '',
    });
    const own = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    expect((await rig.askRaw('GET', '/view?tab=2', cookie(own))).status).toBe(200);
    expect((await rig.askRaw('POST', `/view?token=${TOKEN}`)).status).toBe(401);
  });

  test('no path makes the redirect lead to another host', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    for (const path of ['//evil.example/', '///evil.example', '/\\evil.example']) {
      const { headers, status } = await rig.askRaw('GET', `${path}?token=${TOKEN}`);
      if (status === 303) expect(headers.location).toMatch(/^\/[^/\\]/);
      else expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  test('an address that guesses is refused for a while, also with the right token', async ({
    expect,
  }) => {
    rig = await ServerRig.open({ token: TOKEN });
    for (let n = 0; n < 10; n += 1)
      expect((await rig.ask('GET', '/status', bearer(`guess ${n}`))).status).toBe(401);
    const answer = await rig.ask('GET', '/status', bearer(TOKEN));
    expect(answer).toMatchObject({ status: 429, body: { code: 'SERVER_TOKEN_LIMITED' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(50);
  });

  test('a page that was left open since an earlier run keeps nobody out', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    for (let n = 0; n < 30; n += 1)
      expect((await rig.ask('GET', '/status', cookie('stormkite_token=old'))).status).toBe(401);
    expect((await rig.ask('GET', '/status', bearer(TOKEN))).status).toBe(200);
  });

  test('a page of another port cannot use the cookie', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    const from = (origin: string): Ask => ({
      headers: { cookie: `stormkite_token=${TOKEN}`, origin },
    });
    expect((await rig.ask('GET', '/status', from(rig.url))).status).toBe(200);
    const port = new URL(rig.url).port === '1' ? 2 : 1;
    expect(
      await rig.ask('POST', '/works/root.train/stop', from(`http://127.0.0.1:${port}`)),
    ).toMatchObject({ status: 403, body: { code: 'SERVER_ORIGIN_REFUSED' } });
  });

  test('what a forward proxy is asked for is refused', async ({ expect }) => {
    rig = await ServerRig.open();
    for (const path of ['http://evil.example/api/v1/status', `${rig.url}/view`])
      expect(await rig.askRaw('GET', path)).toMatchObject({
        status: 400,
        body: { code: 'SERVER_REQUEST_MALFORMED' },
      });
  });

  test('requests without any token do not count as guesses', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    for (let n = 0; n < 30; n += 1) expect((await rig.ask('GET', '/status')).status).toBe(401);
    expect((await rig.ask('GET', '/status', bearer(TOKEN))).status).toBe(200);
  });

  test('a browser that comes without the token is told where it is', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    const headers = { accept: 'text/html,*/*;q=0.8' };
    for (const path of ['/view', '/view?token=<wrong>', '/']) {
      const { status, headers: sent, text } = await rig.askRaw('GET', path, { headers });
      expect([status, sent['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
      expect(sent['content-security-policy']).toContain("default-src 'none'");
      expect(sent['www-authenticate']).toBe('Bearer');
      expect(text).toContain('Open the address that `stormkite run` printed');
      expect(text).not.toMatch(/https?:|src=|<wrong>/);
    }
    expect((await rig.askRaw('GET', '/view')).body).toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
  });

  test('the API takes no token from a URL, however its path is written', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    for (const path of [
      '/api/v1/status',
      '/%61pi/v1/status',
      '/api/v1%2fstatus',
      '/%61%70i%2Fv1',
      '/%ff',
    ])
      expect((await rig.askRaw('GET', `${path}?token=${TOKEN}`)).status, path).toBe(401);
    expect((await rig.askRaw('GET', `/vie%77?token=${TOKEN}`)).status).toBe(303);
  });

  test('no answer repeats the token, or what was sent as one', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    const paths = [
      `/api/v1/status?token=${TOKEN}`,
      `/nothing?token=${TOKEN}x`,
      `/api/v1/nothing?token=${TOKEN}`,
      `/api/v1/state/%ff?token=${TOKEN}`,
    ];
    for (const path of paths) {
      for (const ask of [{}, bearer(TOKEN)]) {
        const { text } = await rig.askRaw('GET', path, ask);
        expect(text).not.toContain(TOKEN);
      }
    }
    const { text } = await rig.ask('GET', '/status', bearer('my-other-secret'));
    expect(text).not.toContain('my-other-secret');
    for (const path of ['/status', '/openapi.json', '/state', '/works', '/history'])
      expect((await rig.ask('GET', path, bearer(TOKEN))).text).not.toContain(TOKEN);
  });
});

describe('a page of another site', () => {
  class Shop extends Flow {
    resets = 0;
    run(): void {}
    override configureApi(): ApiRoute[] {
      return [{ method: 'GET', path: '/reset', handler: () => (this.resets += 1) }];
    }
  }
  const from = (site: string, more: Record<string, string> = {}): Ask => ({
    headers: { 'sec-fetch-site': site, ...more },
  });
  const image = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
  const frame = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
  const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

  test('reaches nothing by an image or a frame, and code of the app not by a link either', async ({
    expect,
    onTestFinished,
  }) => {
    const rig = await ServerRig.open({ createRoot: () => new Shop() });
    onTestFinished(() => rig.close());
    const refused = { status: 403, body: { code: 'SERVER_ORIGIN_REFUSED' } };
    for (const site of ['cross-site', 'same-site']) {
      for (const path of [
        '/reset',
        '/api/v1/state',
        '/works/root.w/run',
        '/view',
        '/%61pi/v1/state',
      ])
        for (const how of [image, frame])
          expect(await rig.askRaw('GET', path, from(site, how)), path).toMatchObject(refused);
      for (const path of ['/reset', '/api/v1/state', '/api/v1/logs'])
        expect(await rig.askRaw('GET', path, from(site, link)), path).toMatchObject(refused);
      expect((await rig.askRaw('POST', '/view', from(site, link))).status).toBe(403);
      expect((await rig.askRaw('GET', '/view', from(site, link))).status).toBe(200);
    }
    expect(rig.loop.document()).toMatchObject({ vars: { resets: 0 } });
  });

  test('is told by what browsers say: programs, own pages and allowed origins are not refused', async ({
    expect,
    onTestFinished,
  }) => {
    const rig = await ServerRig.open({ createRoot: () => new Shop() });
    onTestFinished(() => rig.close());
    const asks: Ask[] = [
      {},
      from('none', link),
      from('same-origin', image),
      from('same-site', { origin: 'http://localhost:5173', 'sec-fetch-mode': 'cors' }),
      from('cross-site', { origin: 'http://127.0.0.1:5173', 'sec-fetch-mode': 'cors' }),
    ];
    for (const ask of asks) expect((await rig.askRaw('GET', '/reset', ask)).status).toBe(200);
    expect(rig.loop.document()).toMatchObject({ vars: { resets: asks.length } });
  });
});

describe('WebSockets', () => {
  let rig: ServerRig;
  afterEach(() => rig.close());

  /** The status with which an upgrade is refused; 101 when it is not. */
  function statusOf(path: string, headers: Record<string, string> = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${rig.url.replace('http', 'ws')}${path}`, { headers });
      socket.on('open', () => {
        socket.terminate();
        resolve(101);
      });
      socket.on('unexpected-response', (request, response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      socket.on('error', reject);
    });
  }

  test('pass the same checks as any other request', async ({ expect }) => {
    rig = await ServerRig.open({ token: TOKEN });
    const path = '/api/v1/ws';
    const own = { authorization: `Bearer ${TOKEN}` };
    expect(await statusOf(path, own)).toBe(101);
    expect(await statusOf(path, { cookie: `stormkite_token=${TOKEN}` })).toBe(101);
    const ours = { cookie: `stormkite_token=${TOKEN}`, origin: rig.url };
    expect(await statusOf(path, ours)).toBe(101);
    expect(await statusOf(path, { ...ours, origin: 'http://127.0.0.1:1' })).toBe(403);
    expect(await statusOf(path)).toBe(401);
    expect(await statusOf(`${path}?token=${TOKEN}`)).toBe(401);
    expect(await statusOf(path, { ...own, host: 'evil.example' })).toBe(403);
    expect(await statusOf(path, { ...own, origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf('/api/v1/state', own)).toBe(404);
    expect(await statusOf(`${path}?types=all`, own)).toBe(400);
    expect(await statusOf(`${path}?pointer=x`, own)).toBe(400);
  });

  test('what a client sends is bounded, and nonsense ends its connection alone', async ({
    expect,
  }) => {
    rig = await ServerRig.open();
    const socket = new WebSocket(`${rig.url.replace('http', 'ws')}/api/v1/ws`);
    await new Promise((resolve) => socket.on('open', resolve));
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.send(JSON.stringify({ ack: 1 }));
    socket.send('x'.repeat(64 * 1024));
    expect(await closed).toBe(1009);
    const raw = connect(Number(new URL(rig.url).port), '127.0.0.1');
    raw.on('error', () => undefined);
    const ended = new Promise((resolve) => raw.on('close', resolve));
    raw.write(
      'GET /api/v1/ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    raw.resume();
    await ended;
    expect((await rig.ask('GET', '/healthz')).status).toBe(200);
  });
});

describe('an app with a root path', () => {
  test('is served below it, with its cookie, and nowhere else', async ({
    expect,
    onTestFinished,
  }) => {
    const rig = await ServerRig.open({ token: TOKEN, rootPath: '/team/app' });
    onTestFinished(() => rig.close());
    const own = bearer(TOKEN);
    expect((await rig.askRaw('GET', '/team/app/api/v1/status', own)).status).toBe(200);
    expect((await rig.askRaw('GET', '/team/app/api/v1/state/vars/n', own)).body).toBe(1);
    expect((await rig.askRaw('GET', '/api/v1/status', own)).status).toBe(404);
    expect((await rig.askRaw('GET', `/team/app/api/v1/status?token=${TOKEN}`)).status).toBe(401);
    const page = await rig.askRaw('GET', `/team/app/view?token=${TOKEN}`);
    expect(page.headers['set-cookie']).toEqual([
      `stormkite_token=${TOKEN}; HttpOnly; SameSite=Strict; Path=/team/app/`,
    ]);
    expect(page.headers.location).toBe('/team/app/view');
    // As it is printed before the app file has told the root path.
    for (const path of ['/view', '/', '/team/apple'])
      expect((await rig.askRaw('GET', `${path}?token=${TOKEN}&a=1`)).headers.location).toBe(
        '/team/app/view?a=1',
      );
  });
});
