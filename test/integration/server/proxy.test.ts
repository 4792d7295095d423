import {
  createServer,
  get,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { test as base, describe } from 'vitest';
import { WebSocket } from 'ws';
import type { Upstream } from '../../../runtime/server/layout-source.ts';
import { until } from '../../support/until.ts';
import { ProxyRig } from './proxy-rig.ts';

interface Echo {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
}

const PREFIX = '/works/root.w';

const test = base.extend<{ rig: ProxyRig }>({
  // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
  rig: async ({}, use) => {
    const rig = await ProxyRig.open();
    await use(rig);
    await rig.close();
  },
});

/** A server of the test itself. */
async function serving(answer: RequestListener) {
  const server = createServer(answer);
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const address = { host: '127.0.0.1', port };
  const shown: Upstream = { title: 'root.w', address, doing: 'it runs', stripPrefix: null };
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { shown, close };
}

async function echo(rig: ProxyRig, path: string, headers: Record<string, string> = {}) {
  const { text } = await rig.ask(path, { headers });
  return JSON.parse(text) as Echo;
}

describe('a server below the app', () => {
  test('that knows nothing of its path is asked without it', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    const { url, headers } = await echo(rig, `${PREFIX}/echo?a=1&b=%20`);
    expect(url).toBe('/echo?a=1&b=%20');
    expect(headers).toMatchObject({
      'x-forwarded-prefix': PREFIX,
      'x-forwarded-host': new URL(rig.url).host,
    });
    expect((await rig.ask(`${PREFIX}/`)).text).toBe('<h1>server</h1>');
  });

  test('that answers below its path only is asked with it', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX, { KEEP: '1' }));
    expect((await echo(rig, `${PREFIX}/echo?a=1`)).url).toBe(`${PREFIX}/echo?a=1`);
  });

  test('is asked as its owner says, without finding out', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX, {}, false));
    expect((await rig.ask(`${PREFIX}/echo`)).status).toBe(404);
    rig.works.set('root.w', await rig.serve(PREFIX, { KEEP: '1' }, true));
    expect((await rig.ask(`${PREFIX}/echo`)).text).toBe('outside');
  });

  test('is found out again when another one takes its place', async ({ rig, expect }) => {
    const first = await rig.serve(PREFIX);
    rig.works.set('root.w', first);
    expect((await echo(rig, `${PREFIX}/echo`)).url).toBe('/echo');
    expect((await rig.ask(`${PREFIX}/crash`)).text).toBe('bye');
    await until('it is gone', async () => (await rig.ask(`${PREFIX}/`)).status === 502);
    const { port = 0 } = first.address ?? {};
    rig.works.set('root.w', {
      ...(await rig.serve(PREFIX, { KEEP: '1', PORT: String(port) })),
      address: first.address,
    });
    expect((await echo(rig, `${PREFIX}/echo`)).url).toBe(`${PREFIX}/echo`);
  });

  test('is found out again while it fails, as it may not have all of its paths yet', async ({
    rig,
    expect,
  }) => {
    let isWarm = false;
    const server = createServer((request, response) => {
      const isBelow = request.url?.startsWith(`${PREFIX}/`) === true;
      response.writeHead(isWarm ? (isBelow ? 200 : 404) : 503).end(request.url);
    });
    server.listen({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const address = { host: '127.0.0.1', port };
    rig.works.set('root.w', { title: 'root.w', address, doing: 'it runs', stripPrefix: null });
    expect((await rig.ask(`${PREFIX}/echo`)).status).toBe(503);
    isWarm = true;
    expect(await rig.ask(`${PREFIX}/echo`)).toMatchObject({
      status: 200,
      text: `${PREFIX}/echo`,
    });
    server.close();
  });

  test('its name may have any character', async ({ rig, expect }) => {
    const name = 'root.d.ü b&c';
    const prefix = `/works/${encodeURIComponent(name)}`;
    rig.works.set(name, await rig.serve(prefix, { KEEP: '1' }));
    expect((await echo(rig, `${prefix}/echo`)).url).toBe(`${prefix}/echo`);
  });

  test('gets the slash that relative addresses need', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    expect((await rig.ask(`${PREFIX}?a=1`)).headers.location).toBe(`${PREFIX}/?a=1`);
    expect((await rig.ask(PREFIX)).status).toBe(308);
  });

  test('its redirects and cookies stay below its path', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    for (const path of ['/redirect', '/redirect-whole'])
      expect((await rig.ask(PREFIX + path)).headers.location).toBe(`${PREFIX}/there`);
    const { headers } = await rig.ask(`${PREFIX}/cookies`);
    expect(headers['set-cookie']).toEqual([
      `sid=1; Path=${PREFIX}/; HttpOnly`,
      `a=b; Path=${PREFIX}/`,
    ]);
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers).not.toHaveProperty('service-worker-allowed');
  });

  test('bodies pass in both directions as they come', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    const body = Buffer.alloc(40 * 1024 * 1024, 'x');
    for (const headers of [
      { 'transfer-encoding': 'chunked' },
      { 'content-length': `${body.length}` },
    ])
      expect((await rig.ask(`${PREFIX}/upload`, { method: 'POST', headers, body })).text).toBe(
        String(body.length),
      );
    let got = '';
    get(`${rig.url}${PREFIX}/slow`, (response) => {
      response.on('data', (chunk: Buffer) => (got += chunk.toString()));
    });
    await until('the first part is here', () => got === 'first\n');
    await rig.ask(`${PREFIX}/release`);
    await until('the rest is here', () => got === 'first\nsecond\n');
    expect(got).toBe('first\nsecond\n');
  });

  test('a body is never taken for a request of its own', async ({ rig, expect }) => {
    const upstream = await rig.serve(PREFIX);
    rig.works.set('root.w', upstream);
    const hidden = 'GET /echo HTTP/1.1\r\nhost: x\r\n\r\n';
    const got = await rig.raw(
      `GET ${PREFIX}/echo HTTP/1.1\r\nhost: ${new URL(rig.url).host}\r\n` +
        `connection: close, content-length\r\ncontent-length: ${hidden.length}\r\n\r\n${hidden}`,
    );
    expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(got).toContain(`"content-length":"${hidden.length}"`);
  });

  test('an answer that breaks off is broken off for the browser too', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    await expect(rig.ask(`${PREFIX}/broken`)).rejects.toThrow('aborted');
  });

  test('a browser that goes away ends the request of the server', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    const request = get(`${rig.url}${PREFIX}/slow`);
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    response.on('error', () => undefined);
    request.destroy();
    expect((await rig.ask(`${PREFIX}/release`)).text).toBe('released');
  });
});

describe('a browser that goes away while it is found out how a server is asked', () => {
  test.for([{}, { connection: 'Upgrade', upgrade: 'websocket' }])(
    'is not asked for: %o',
    async (headers, { rig, expect, onTestFinished }) => {
      const asked: string[] = [];
      const waiting: (() => void)[] = [];
      let isGone = false;
      const answer = (): void => {
        for (const each of waiting.splice(0)) each();
      };
      const upstream = await serving(({ url = '' }, response) => {
        asked.push(url);
        waiting.push(() => response.writeHead(url.startsWith(PREFIX) ? 404 : 200).end());
        if (isGone) answer();
      });
      onTestFinished(() => upstream.close());
      rig.works.set('root.w', upstream.shown);
      const request = get(`${rig.url}${PREFIX}/left`, { headers, agent: false });
      request.on('error', () => undefined);
      await until('the server is asked', () => asked.length > 0);
      request.destroy();
      await until('it is gone', async () => (await rig.connections()) === 0);
      isGone = true;
      answer();
      expect((await rig.ask(`${PREFIX}/stayed`)).status).toBe(200);
      expect(asked).toContain('/stayed');
      expect(asked).not.toContain('/left');
    },
  );
});

describe('a page that asks for what is at the root', () => {
  const from = (rig: ProxyRig, path: string) => ({ referer: `${rig.url}${path}` });

  test('is led back below its path', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    for (const path of ['/app.js?v=1', '/assets/main.css', '/', '/api/other']) {
      const { status, headers } = await rig.ask(path, { headers: from(rig, `${PREFIX}/page`) });
      expect([status, headers.location]).toEqual([307, `${PREFIX}${path}`]);
    }
    const post = { method: 'POST', headers: from(rig, '/frontends/ui/'), body: 'x' };
    expect((await rig.ask('/save', post)).headers.location).toBe('/frontends/ui/save');
  });

  test.for([
    ['/app.js', '/view'],
    ['/app.js', '/works/'],
    ['/works/root.w', '/works/root.w/'],
    ['/view', '/works/root.w/'],
  ] as const)('%s from %s stays where it is', async ([path, page], { rig, expect }) => {
    const { headers } = await rig.ask(path, { headers: from(rig, page) });
    expect(headers.location ?? '').not.toContain('/works/');
  });

  test('from elsewhere is not led anywhere', async ({ rig, expect }) => {
    const headers = { referer: 'http://evil.example/works/root.w/' };
    expect((await rig.ask('/app.js', { headers })).status).toBe(404);
  });
});

describe('a server that does not answer', () => {
  const waiting = {
    title: 'root.w',
    address: null,
    doing: 'its status is <pending>',
    stripPrefix: null,
  };

  test('is told as a page that reloads itself', async ({ rig, expect }) => {
    rig.works.set('root.w', waiting);
    const { status, headers, text } = await rig.ask(`${PREFIX}/`, {
      headers: { accept: 'text/html' },
    });
    expect(status).toBe(503);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'retry-after': '3',
    });
    expect(text).toContain('root.w does not answer yet: its status is &lt;pending>');
    expect(text).toContain('http-equiv="refresh"');
  });

  test('is told as JSON to programs', async ({ rig, expect }) => {
    rig.works.set('root.w', waiting);
    const { status, text } = await rig.ask(`${PREFIX}/data`, { method: 'POST', body: 'x' });
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ code: 'UPSTREAM_NOT_READY' });
  });

  test('is a 502 when nobody listens at its address', async ({ rig, expect }) => {
    const gone = await rig.serve(PREFIX);
    rig.works.set('root.w', gone);
    await rig.ask(`${PREFIX}/crash`);
    const answer = await until('it is gone', async () => {
      const { status, text } = await rig.ask(`${PREFIX}/`);
      return status === 502 ? text : null;
    });
    expect(JSON.parse(answer)).toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  test('is a 504 when it takes too long', async ({ expect }) => {
    const rig = await ProxyRig.open({ timings: { answerMs: 50 } });
    try {
      rig.works.set('root.w', await rig.serve(PREFIX));
      const { status, text } = await rig.ask(`${PREFIX}/silent`);
      expect(status).toBe(504);
      expect(JSON.parse(text)).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    } finally {
      await rig.close();
    }
  });

  test('is none while it is still sent something', async ({ expect, onTestFinished }) => {
    const answerMs = 1_500;
    const rig = await ProxyRig.open({ timings: { answerMs } });
    onTestFinished(() => rig.close());
    const upstream = await serving((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => response.end(String(bytes)));
    });
    onTestFinished(() => upstream.close());
    rig.works.set('root.w', { ...upstream.shown, stripPrefix: true });
    const upload = httpRequest(`${rig.url}${PREFIX}/upload`, { method: 'POST', agent: false });
    const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
    const startedMs = performance.now();
    let sent = 0;
    while (performance.now() - startedMs < 2 * answerMs) {
      upload.write('x');
      sent += 1;
      await sleep(20);
    }
    upload.end();
    const [answer] = await answered;
    expect(answer.statusCode).toBe(200);
    expect(await text(answer)).toBe(String(sent));
  });

  test('one that does not exist is a 404', async ({ rig, expect }) => {
    const codes = await Promise.all(
      ['/works/root.none/', '/frontends/none/', '/works/%ZZ/'].map(async (path) => {
        const { status, text } = await rig.ask(path);
        return [status, (JSON.parse(text) as { code: string }).code];
      }),
    );
    expect(codes).toEqual([
      [404, 'WORK_UNKNOWN'],
      [404, 'FRONTEND_UNKNOWN'],
      [400, expect.stringMatching(/./)],
    ]);
  });
});

describe('a WebSocket below the app', () => {
  test.for([{ KEEP: '0' }, { KEEP: '1' }])('talks both ways (%o)', async (env, { rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX, env));
    const url = `${rig.url.replace('http', 'ws')}${PREFIX}/socket`;
    const socket = new WebSocket(url, { origin: rig.url, headers: { cookie: 'a=1' } });
    const messages: string[] = [];
    socket.on('message', (data: Buffer) => messages.push(data.toString()));
    await once(socket, 'open');
    const big = 'x'.repeat(3_000_000);
    socket.send(big);
    await until('the echo is here', () => messages.length === 2);
    const { port } = rig.works.get('root.w')?.address ?? {};
    expect(JSON.parse(messages[0] ?? '')).toMatchObject({
      host: `127.0.0.1:${port}`,
      origin: `http://127.0.0.1:${port}`,
      cookie: 'a=1',
    });
    expect(messages[1]).toBe(big);
    socket.close(4001);
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4001);
  });

  test('that the server refuses leaves no way to the server open', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    const upgrade = `GET ${PREFIX}/other HTTP/1.1\r\nhost: ${new URL(rig.url).host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`;
    const next = `GET /echo HTTP/1.1\r\nhost: x\r\ncookie: stormkite_token=secret\r\n\r\n`;
    const got = await rig.raw(upgrade + next);
    expect(got).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(got.toLowerCase()).toContain('connection: close');
    expect(got.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(got).not.toContain('secret');
  });

  test('whose request has a body is answered', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    const { host } = new URL(rig.url);
    const got = await rig.raw(
      `GET ${PREFIX}/other HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 5\r\n\r\nhello`,
    );
    expect(got).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });

  test('that nobody answers is a 503', async ({ rig, expect }) => {
    rig.works.set('root.w', {
      title: 'root.w',
      address: null,
      doing: 'pending',
      stripPrefix: null,
    });
    const socket = new WebSocket(`${rig.url.replace('http', 'ws')}${PREFIX}/socket`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('503');
  });

  test('from another origin is refused', async ({ rig, expect }) => {
    rig.works.set('root.w', await rig.serve(PREFIX));
    const url = `${rig.url.replace('http', 'ws')}${PREFIX}/socket`;
    const socket = new WebSocket(url, { origin: 'http://evil.example' });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('403');
  });
});

describe('behind a token', () => {
  test('nothing passes without it, and it never reaches the server', async ({ expect }) => {
    const rig = await ProxyRig.open({ token: 'ours' });
    try {
      rig.works.set('root.w', await rig.serve(PREFIX));
      for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS'])
        expect((await rig.ask(`${PREFIX}/echo`, { method })).status).toBe(401);
      // Browsers ask without credentials; the server must not be reached by that.
      const preflight = { origin: rig.url, 'access-control-request-method': 'POST' };
      const asked = await rig.ask(`${PREFIX}/echo`, { method: 'OPTIONS', headers: preflight });
      expect(asked).toMatchObject({ status: 204, text: '' });
      const cookie = 'stormkite_token=ours; sid=1';
      const seen = await echo(rig, `${PREFIX}/echo?token=theirs`, { cookie });
      expect(seen.url).toBe('/echo?token=theirs');
      expect(seen.headers['cookie']).toBe('sid=1');
      const bearer = await echo(rig, `${PREFIX}/echo`, { authorization: 'Bearer ours' });
      expect(bearer.headers).not.toHaveProperty('authorization');
      const own = await echo(rig, `${PREFIX}/echo`, { cookie, authorization: 'token theirs' });
      expect(own.headers).toMatchObject({ authorization: 'token theirs' });
    } finally {
      await rig.close();
    }
  });
});
